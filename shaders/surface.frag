#version 410 core
// The mesh of the level preview in clay, or in its own colours.

#include "clay.glsl"

uniform vec3 eye;        // camera position, world units
uniform vec3 right;      // the camera's axes, world units
uniform vec3 up;
uniform float painted;   // 0: lit clay, 1: the mesh's own colours, which have their light
uniform float wire;      // 1: edges

in vec3 world_normal;
in vec3 world_position;
in vec3 surface_colour;
out vec4 colour;

void main() {
    if (wire > 0.5) {
        colour = vec4(0.03, 0.06, 0.08, 0.35);
        return;
    }
    vec3 view = normalize(eye - world_position);
    vec3 clay = shade_clay(normalize(world_normal), view, right, up, vec3(0.80, 0.78, 0.75));
    colour = vec4(mix(clay, surface_colour, painted), 1.0);
}
