// sRGB-encoded colours and linear light, as ballgan/color.py.

vec3 decode_srgb(vec3 colour) {
    vec3 bright = pow((colour + 0.055) / 1.055, vec3(2.4));
    return mix(bright, colour / 12.92, lessThanEqual(colour, vec3(0.04045)));
}

vec3 encode_srgb(vec3 linear) {
    linear = clamp(linear, 0.0, 1.0);
    vec3 bright = 1.055 * pow(max(linear, 1e-8), vec3(1.0 / 2.4)) - 0.055;
    return mix(bright, 12.92 * linear, lessThanEqual(linear, vec3(0.0031308)));
}
