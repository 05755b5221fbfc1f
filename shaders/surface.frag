#version 410 core
// Clay: a soft key light beside the camera, a cool fill from the other side and a bright rim.

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
    vec3 n = normalize(world_normal);
    if (dot(n, view) < 0.0) n = -n;
    float key = max(dot(n, normalize(view + 0.6 * up - 0.5 * right)), 0.0);
    float fill = max(dot(n, normalize(view + 1.4 * right - 0.2 * up)), 0.0);
    float rim = pow(1.0 - max(dot(n, view), 0.0), 3.0);
    vec3 base = mix(vec3(0.80, 0.78, 0.75), surface_colour, painted);
    vec3 light = 0.16 + 0.74 * key + vec3(0.10, 0.13, 0.17) * fill;
    colour = vec4(base * light + 0.14 * rim, 1.0);
}
