// What is behind the foreground, as ballgan/backdrop.py, surfaces.py and inverted_sphere.py have it.

#include "srgb.glsl"

uniform int behind;             // one of the constants below
uniform vec3 behind_colour;     // for PLAIN, and the upper one of GRADIENT; sRGB-encoded
uniform vec3 lower_colour;      // for GRADIENT
uniform sampler2D panorama;     // repeats sideways, or is mirrored (PHOTO, PLANE); of SHELLS all,
                                // one below the other
uniform int layers;             // how many shells
uniform float sizes[8];         // world units. Of CUBE its side; of PLANE its distance and the side
                                // of its square; of SHELLS their radii, nearest first; of others
                                // the sphere's radius. 0: infinitely far
uniform float turn;             // radians, of the picture round the scene, or of a gradient's upper
                                // colour to the right
uniform float gain;             // of its linear light
uniform vec2 photo_span;        // radians of the sphere that a photo or gradient covers, across and
                                // down

const int NOTHING = 0;
const int PLAIN = 1;
const int PANORAMA = 2;
const int PHOTO = 3;
const int GRADIENT = 4;
const int CUBE = 5;
const int PLANE = 6;
const int SHELLS = 7;
const float PI = 3.14159265358979;

// Point where a ray from inside leaves the sphere; only its direction from the centre matters.
vec3 reach_sphere(vec3 origin, vec3 direction, float radius) {
    if (radius <= 0.0) return direction;
    float closest = -dot(origin, direction);
    vec3 foot = origin + closest * direction;
    float chord = sqrt(max(radius * radius - dot(foot, foot), 0.0));
    return origin + (closest + chord) * direction;
}

// Point where a ray from inside leaves the cube.
vec3 reach_cube(vec3 origin, vec3 direction, float side) {
    vec3 along = mix(direction, vec3(1e-9), lessThan(abs(direction), vec3(1e-9)));
    vec3 far3 = (0.5 * side * sign(along) - origin) / along;
    return origin + min(min(far3.x, far3.y), far3.z) * direction;
}

// Angles of a direction: right of the middle of the picture, which is at -z, and down from +y.
vec2 sphere_angles(vec3 p) {
    return vec2(atan(p.x, -p.z), acos(clamp(normalize(p).y, -1.0, 1.0)));
}

// Colour of an equirectangular layer in a direction.
vec4 look_up(vec3 p, int layer) {
    vec2 angles = sphere_angles(p);
    float rim = 0.5 * float(layers) / float(textureSize(panorama, 0).y);  // half a pixel
    float down = clamp(angles.y / PI, rim, 1.0 - rim);
    vec2 place = vec2(0.5 + angles.x / (2.0 * PI), (float(layer) + down) / float(layers));
    return textureLod(panorama, place, 0.0);
}

// Colour of the plane's square; transparent beside it.
vec4 look_at_plane(vec3 origin, vec3 direction) {
    float along = (origin.z + sizes[0]) / max(-direction.z, 1e-6);
    vec2 place = 0.5 + vec2(1.0, -1.0) * (origin + along * direction).xy / sizes[1];
    bool met = direction.z < -1e-6 && along > 0.0 && place == clamp(place, 0.0, 1.0);
    return met ? textureLod(panorama, place, 0.0) : vec4(0.0);
}

// The shells along a ray, composed from front to back; the last one is opaque.
vec4 look_through_shells(vec3 origin, vec3 direction) {
    vec3 gathered = vec3(0.0);
    float transmittance = 1.0;
    for (int i = 0; i < layers; ++i) {
        vec4 shell = look_up(reach_sphere(origin, direction, sizes[i]), i);
        gathered += transmittance * shell.a * shell.rgb;
        transmittance *= 1.0 - shell.a;
    }
    return vec4(gathered, 1.0);
}

vec4 look_at_picture(vec3 origin, vec3 direction) {
    if (behind == PLANE) return look_at_plane(origin, direction);
    if (behind == SHELLS) return look_through_shells(origin, direction);
    if (behind == CUBE) return look_up(reach_cube(origin, direction, sizes[0]), 0);
    vec3 p = reach_sphere(origin, direction, sizes[0]);
    if (behind == PANORAMA) return look_up(p, 0);
    vec2 angles = sphere_angles(p) - vec2(0.0, 0.5 * PI);
    return textureLod(panorama, 0.5 + angles / photo_span, 0.0);
}

// Colour behind everything along a ray, and its opacity: 0 or 1.
vec4 colour_behind(vec3 origin, vec3 direction) {
    if (behind == NOTHING) return vec4(0.0);
    if (behind == PLAIN) return vec4(behind_colour, 1.0);
    float s = sin(turn);
    float c = cos(turn);
    if (behind == GRADIENT) {
        vec3 p = normalize(reach_sphere(origin, direction, sizes[0]));
        float up = clamp(s * p.x + c * p.y, -1.0, 1.0);
        float down = (acos(up) - 0.5 * PI) / photo_span.y + 0.5;
        return vec4(mix(behind_colour, lower_colour, smoothstep(0.0, 1.0, down)), 1.0);
    }
    mat3 turned = mat3(c, 0.0, -s, 0.0, 1.0, 0.0, s, 0.0, c);  // columns
    vec4 colour = look_at_picture(turned * origin, turned * direction);
    if (gain != 1.0) colour.rgb = encode_srgb(gain * decode_srgb(colour.rgb));
    return colour;
}
