// The foreground in another light: ballgan/lighting.py.

uniform bool lit;            // whether its light is to be changed
uniform vec3 light_new[9];   // irradiance / pi, by the polynomials below
uniform vec3 light_old[9];
uniform float light_strength;
uniform mat3 light_turn;     // from the world's axes to those of the new light

const float DARKEST = 0.1;   // of the mean irradiance
const float MOST = 8.0;      // brighter, and as much darker

vec3 irradiance(vec3 light[9], vec3 n) {
    vec3 e = light[0] + n.y * light[1] + n.z * light[2] + n.x * light[3]
        + n.x * n.y * light[4] + n.y * n.z * light[5] + (3.0 * n.z * n.z - 1.0) * light[6]
        + n.x * n.z * light[7] + (n.x * n.x - n.y * n.y) * light[8];
    return max(e, DARKEST * max(light[0], vec3(1e-4)));
}

// Factor of linear light for a surface with the unit normal n.
vec3 light_ratio(vec3 n) {
    vec3 ratio = irradiance(light_new, light_turn * n) / irradiance(light_old, n);
    return pow(clamp(ratio, 1.0 / MOST, MOST), vec3(light_strength));
}
