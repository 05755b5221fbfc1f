// The pattern that stands for "transparent".

vec3 checker(vec2 pixel, float side) {
    vec2 cell = floor(pixel / side);
    float odd = mod(cell.x + cell.y, 2.0);
    return mix(vec3(0.155, 0.165, 0.185), vec3(0.205, 0.215, 0.240), odd);
}
