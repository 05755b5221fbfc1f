#version 410 core
// The mesh in clay, or in its own colours, with its edges if they are asked for. Pictures that are
// saved are made by the same formulas in ballgan/mesh_picture.py.

#include "clay.glsl"

uniform vec3 eye;        // camera position, world units
uniform vec3 right;      // the camera's axes, world units
uniform vec3 up;
uniform float painted;   // 0: lit clay, 1: the mesh's own colours, which have their light
uniform float line_px;   // width of edges in pixels; 0: none

const vec3 INK = vec3(0.03, 0.06, 0.08);
const float INK_OPACITY = 0.55;

in vec3 world_normal;
in vec3 world_position;
in vec3 surface_colour;
in vec3 corner;
out vec4 colour;

void main() {
    vec3 view = normalize(eye - world_position);
    vec3 clay = shade_clay(normalize(world_normal), view, right, up, vec3(0.80, 0.78, 0.75));
    vec3 shown = mix(clay, surface_colour, painted);
    if (line_px > 0.0) {
        vec3 slope = sqrt(dFdx(corner) * dFdx(corner) + dFdy(corner) * dFdy(corner));
        vec3 away = corner / max(slope, 1e-12);  // pixels to each edge
        float edge = min(min(away.x, away.y), away.z);
        shown = mix(shown, INK, INK_OPACITY * clamp(0.5 * line_px + 0.5 - edge, 0.0, 1.0));
    }
    colour = vec4(shown, 1.0);
}
