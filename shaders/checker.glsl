// The pattern that stands for "transparent".

uniform float checker_px;   // side of a square
uniform vec3 checker_even;  // its two colours
uniform vec3 checker_odd;

// pixel: from the lower left corner.
vec3 checker(vec2 pixel) {
    vec2 cell = floor(pixel / checker_px);
    float odd = mod(cell.x + cell.y, 2.0);
    return mix(checker_even, checker_odd, odd);
}
