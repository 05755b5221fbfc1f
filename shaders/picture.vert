#version 410 core
// A rectangle of the window: the corners come from gl_VertexID, the place from `rectangle`.

uniform vec4 rectangle;  // left, bottom, right, top in normalised device coordinates

out vec2 uv;  // (0, 0) is the picture's top left corner

void main() {
    vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
    uv = vec2(corner.x, 1.0 - corner.y);
    gl_Position = vec4(mix(rectangle.xy, rectangle.zw, corner), 0.0, 1.0);
}
