// What is behind the foreground, as ballgan/backdrop.py and backgrounds.py have it.

#include "srgb.glsl"

uniform int behind;             // one of the constants below
uniform vec3 behind_colour;     // for PLAIN, and the upper one of GRADIENT; sRGB-encoded
uniform vec3 lower_colour;      // for GRADIENT
uniform sampler2D panorama;     // for PANORAMA (repeats sideways) and PHOTO (mirrored)
uniform float sphere_radius;    // world units round the origin; 0: infinitely far
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
const float PI = 3.14159265358979;

// Point where a ray from inside leaves the sphere; only its direction from the centre matters.
vec3 reach_sphere(vec3 origin, vec3 direction) {
    if (sphere_radius <= 0.0) return direction;
    float closest = -dot(origin, direction);
    vec3 foot = origin + closest * direction;
    float chord = sqrt(max(sphere_radius * sphere_radius - dot(foot, foot), 0.0));
    return origin + (closest + chord) * direction;
}

// Colour behind everything along a ray.
vec3 colour_behind(vec3 origin, vec3 direction) {
    if (behind == PLAIN) return behind_colour;
    vec3 p = normalize(reach_sphere(origin, direction));
    float s = sin(turn);
    float c = cos(turn);
    if (behind == GRADIENT) {
        float up = clamp(s * p.x + c * p.y, -1.0, 1.0);
        float down = (acos(up) - 0.5 * PI) / photo_span.y + 0.5;
        return mix(behind_colour, lower_colour, smoothstep(0.0, 1.0, down));
    }
    p = vec3(c * p.x + s * p.z, p.y, c * p.z - s * p.x);
    float theta = acos(clamp(p.y, -1.0, 1.0));  // from +y
    float right_of_middle = atan(p.x, -p.z);    // the middle of the picture is at -z
    vec2 place = behind == PANORAMA
        ? vec2(0.5 + right_of_middle / (2.0 * PI), theta / PI)
        : 0.5 + vec2(right_of_middle, theta - 0.5 * PI) / photo_span;
    vec3 colour = textureLod(panorama, place, 0.0).rgb;
    return gain == 1.0 ? colour : encode_srgb(gain * decode_srgb(colour));
}
