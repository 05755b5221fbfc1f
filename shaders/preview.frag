#version 410 core
// The foreground of the preview: marched through the baked volume, premultiplied by its opacity.

#include "camera.glsl"
#include "clay.glsl"
#include "light.glsl"
#include "srgb.glsl"
#include "volume.glsl"

uniform int layer;          // one of the constants below
uniform vec2 depth_range;   // distances at the bright and the dark end of the ramp
uniform vec3 ramp[33];      // colours of the colormap, from dark to bright
uniform float normal_reach; // world units, for the density's gradient

const int COLOUR = 0;
const int ALPHA = 1;
const int DEPTH = 2;
const int NORMALS = 3;
const int CLAY = 4;
const int PROBE = 5;        // distance in 16 bits of what depth_range.y is, and opacity
const float SEEN = 1e-3;    // opacity from which there is a distance

in vec2 uv;
out vec4 colour;

void main() {
    vec3 direction = ray_direction(uv);
    Gathered g = march(eye, direction);
    float opacity = 1.0 - g.transmittance;
    if (layer == COLOUR && !(lit && opacity > SEEN)) {
        colour = vec4(g.colour, opacity);
        return;
    }
    if (layer == ALPHA) {
        colour = vec4(opacity);
        return;
    }
    if (layer == PROBE) {
        float share = clamp(g.distance / max(opacity, SEEN) / depth_range.y, 0.0, 1.0);
        float steps = floor(65535.0 * share + 0.5);
        colour = vec4(floor(steps / 256.0) / 255.0, mod(steps, 256.0) / 255.0, opacity, 1.0);
        return;
    }
    if (opacity <= SEEN) {
        colour = vec4(0.0);
        return;
    }
    float distance = g.distance / opacity;
    if (layer == DEPTH) {
        float nearness = (depth_range.y - distance) / (depth_range.y - depth_range.x);
        float place = 32.0 * clamp(nearness, 0.0, 1.0);
        int below = min(int(place), 31);
        colour = vec4(mix(ramp[below], ramp[below + 1], place - float(below)), 1.0) * opacity;
        return;
    }
    vec3 normal = normalize(falling(eye + distance * direction, normal_reach) + 1e-12);
    if (layer == COLOUR) {
        vec3 straight = decode_srgb(clamp(g.colour / opacity, 0.0, 1.0));
        colour = vec4(encode_srgb(straight * light_ratio(normal)), 1.0) * opacity;
        return;
    }
    if (layer == NORMALS) {
        vec3 local = vec3(dot(normal, right), dot(normal, up), dot(normal, back));
        colour = vec4(0.5 * local + 0.5, 1.0) * opacity;
        return;
    }
    vec3 clay = shade_clay(normal, -direction, right, up, vec3(0.80, 0.78, 0.75));
    colour = vec4(clay, 1.0) * opacity;
}
