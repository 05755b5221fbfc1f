// Clay: a soft key light beside the camera, a cool fill from the other side and a bright rim.

// n: unit normal; view: unit direction to the camera; right, up: the camera's axes.
vec3 shade_clay(vec3 n, vec3 view, vec3 right, vec3 up, vec3 base) {
    if (dot(n, view) < 0.0) n = -n;
    float key = max(dot(n, normalize(view + 0.6 * up - 0.5 * right)), 0.0);
    float fill = max(dot(n, normalize(view + 1.4 * right - 0.2 * up)), 0.0);
    float rim = pow(1.0 - max(dot(n, view), 0.0), 3.0);
    vec3 light = 0.16 + 0.74 * key + vec3(0.10, 0.13, 0.17) * fill;
    return base * light + 0.14 * rim;
}
