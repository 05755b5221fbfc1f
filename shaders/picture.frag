#version 410 core
// The rendered picture over a checkerboard where it is transparent.

#include "checker.glsl"

uniform sampler2D picture;  // premultiplied by its alpha, sRGB-encoded
uniform vec2 corner_px;     // bottom left corner of the rectangle in the framebuffer

in vec2 uv;
out vec4 colour;

void main() {
    vec4 texel = texture(picture, uv);
    vec3 behind = checker(gl_FragCoord.xy - corner_px);
    colour = vec4(texel.rgb + (1.0 - texel.a) * behind, 1.0);
}
