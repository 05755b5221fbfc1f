#version 410 core
// The preview's picture: the foreground before its background, pixel by pixel.

#include "camera.glsl"
#include "checker.glsl"
#include "behind.glsl"

uniform sampler2D foreground;   // premultiplied; what preview.frag has drawn
uniform float has_foreground;   // 1 or 0
uniform vec2 corner_px;         // bottom left corner of the rectangle in the framebuffer

in vec2 uv;
out vec4 colour;

void main() {
    vec4 before = has_foreground * texture(foreground, vec2(uv.x, 1.0 - uv.y));
    vec4 seen = colour_behind(eye, ray_direction(uv));
    vec3 rest = mix(checker(gl_FragCoord.xy - corner_px), seen.rgb, seen.a);
    colour = vec4(before.rgb + (1.0 - before.a) * rest, 1.0);
}
