#version 410 core
// A triangle mesh in world units, seen by the same camera as the picture.

layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec3 albedo;

uniform mat4 world_to_clip;

out vec3 world_normal;
out vec3 world_position;
out vec3 surface_colour;
out vec3 corner;  // 1 at one corner of the triangle, 0 at its others

void main() {
    world_normal = normal;
    world_position = position;
    surface_colour = albedo;
    corner = vec3(gl_VertexID % 3 == 0, gl_VertexID % 3 == 1, gl_VertexID % 3 == 2);
    gl_Position = world_to_clip * vec4(position, 1.0);
}
