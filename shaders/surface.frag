#version 410 core
// The mesh of the level preview in clay, or in its own colours.

#include "clay.glsl"

uniform vec3 eye;        // camera position, world units
uniform vec3 right;      // the camera's axes, world units
uniform vec3 up;
uniform float painted;   // 0: clay, 1: the mesh's own colours

in vec3 world_normal;
in vec3 world_position;
in vec3 surface_colour;
out vec4 colour;

void main() {
    vec3 view = normalize(eye - world_position);
    vec3 base = mix(vec3(0.80, 0.78, 0.75), surface_colour, painted);
    colour = vec4(shade_clay(normalize(world_normal), view, right, up, base), 1.0);
}
