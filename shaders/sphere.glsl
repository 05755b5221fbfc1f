// What is behind the foreground, as ballgan/backdrop.py and backgrounds.py have it.

uniform int behind;             // one of the constants below
uniform vec3 behind_colour;     // for PLAIN, sRGB-encoded
uniform sampler2D panorama;     // for PANORAMA (repeats sideways) and PHOTO (mirrored)
uniform float sphere_radius;    // world units round the origin; 0: infinitely far
uniform float turn;             // radians, of the picture round the scene
uniform float gain;             // of its linear light
uniform vec2 photo_span;        // radians of the sphere that a photo covers, across and down

const int NOTHING = 0;
const int PLAIN = 1;
const int PANORAMA = 2;
const int PHOTO = 3;
const float PI = 3.14159265358979;

// Point where a ray from inside leaves the sphere; only its direction from the centre matters.
vec3 reach_sphere(vec3 origin, vec3 direction) {
    if (sphere_radius <= 0.0) return direction;
    float closest = -dot(origin, direction);
    vec3 foot = origin + closest * direction;
    float chord = sqrt(max(sphere_radius * sphere_radius - dot(foot, foot), 0.0));
    return origin + (closest + chord) * direction;
}

vec3 expose(vec3 colour) {
    vec3 dark = colour / 12.92;
    vec3 bright = pow((colour + 0.055) / 1.055, vec3(2.4));
    vec3 linear = clamp(gain * mix(bright, dark, lessThanEqual(colour, vec3(0.04045))), 0.0, 1.0);
    vec3 encoded = 1.055 * pow(max(linear, 1e-8), vec3(1.0 / 2.4)) - 0.055;
    return mix(encoded, 12.92 * linear, lessThanEqual(linear, vec3(0.0031308)));
}

// Colour behind everything along a ray.
vec3 colour_behind(vec3 origin, vec3 direction) {
    if (behind == PLAIN) return behind_colour;
    vec3 p = normalize(reach_sphere(origin, direction));
    float s = sin(turn);
    float c = cos(turn);
    p = vec3(c * p.x + s * p.z, p.y, c * p.z - s * p.x);
    float theta = acos(clamp(p.y, -1.0, 1.0));  // from +y
    float right_of_middle = atan(p.x, -p.z);    // the middle of the picture is at -z
    vec2 place = behind == PANORAMA
        ? vec2(0.5 + right_of_middle / (2.0 * PI), theta / PI)
        : 0.5 + vec2(right_of_middle, theta - 0.5 * PI) / photo_span;
    vec3 colour = textureLod(panorama, place, 0.0).rgb;
    return gain == 1.0 ? colour : expose(colour);
}
