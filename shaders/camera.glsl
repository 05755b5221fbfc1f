// The camera of the picture: an orbit, as viewer/view.py has it. World units.

uniform vec3 eye;        // position
uniform vec3 right;      // its axes; it looks along -back
uniform vec3 up;
uniform vec3 back;
uniform float spread;    // tangent of half the angle of view
uniform float ray_shift; // of all rays to the left and up, in sides of the picture

// Unit direction of the ray through a place of the square picture; (0, 0) is its top left corner.
vec3 ray_direction(vec2 place) {
    vec2 across = spread * (2.0 * (place - ray_shift) - 1.0);
    return normalize(across.x * right - across.y * up - back);
}
