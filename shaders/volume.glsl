// The baked foreground (ballgan/bake.py) and the march through it, as ballgan/volume.py composes.
//
// The grid has samples at the corners of its cells. Raw densities are looked up and then activated.

uniform sampler3D density;
uniform sampler3D colours;
uniform usampler3D emptiness; // bricks to the nearest one with anything in it; 0: this one
uniform float cells;          // along a side of the grid
uniform float bricks;         // along a side
uniform float half_side;      // of the cube, world units
uniform vec2 interval;        // distances from the eye between which the field counts
uniform bool bounded;         // whether there is nothing beyond the cube
uniform vec4 outside;         // raw colour and density beyond it, if not bounded
uniform float stride;         // world units between two samples
uniform int most_steps;       // a uniform: compilers unroll loops of constant length

const float OPAQUE = 1.0 / 256.0;  // transmittance that nobody sees
const float THIN = 1.0 / 512.0;    // share of a pixel for which no colour is looked up
const float FAINT = -6.0;          // raw density under which steps may be longer
const float NONE = -1000.0;        // raw density of nothing

struct Gathered {
    vec3 colour;          // premultiplied
    float transmittance;
    float distance;       // premultiplied
};

float softplus(float x) {
    return max(x, 0.0) + log(1.0 + exp(-abs(x)));
}

float optical_depth(float raw, float length) {
    return softplus(raw - 1.0) * length;
}

float opacity_of(float depth) {
    return 1.0 - exp(-depth);
}

vec3 in_grid(vec3 place) {
    return (place * cells + 0.5) / (cells + 1.0);
}

float density_at(vec3 place) {
    return textureLod(density, in_grid(place), 0.0).r;
}

void add(inout Gathered g, float opacity, vec3 colour, float distance) {
    float weight = g.transmittance * opacity;
    g.colour += weight * colour;
    g.distance += weight * distance;
    g.transmittance -= weight;
}

// A stretch of the ray beyond the cube, where the field is the same everywhere.
void add_outside(inout Gathered g, float from, float to) {
    if (bounded || to <= from) return;
    add(g, opacity_of(optical_depth(outside.a, to - from)), outside.rgb, 0.5 * (from + to));
}

// Gather the foreground along the ray; direction of unit length.
Gathered march(vec3 origin, vec3 direction) {
    Gathered g = Gathered(vec3(0.0), 1.0, 0.0);
    vec3 start = origin / (2.0 * half_side) + 0.5;  // the cube is [0, 1]^3
    vec3 along = direction / (2.0 * half_side);
    along = mix(along, vec3(1e-8), lessThan(abs(along), vec3(1e-8)));
    vec3 inverse = 1.0 / along;
    vec3 ahead = step(0.0, along);

    vec3 near3 = (1.0 - ahead - start) * inverse;
    vec3 far3 = (ahead - start) * inverse;
    float enter = max(max(max(near3.x, near3.y), near3.z), interval.x);
    float leave = min(min(min(far3.x, far3.y), far3.z), interval.y);
    if (leave <= enter) {
        add_outside(g, interval.x, interval.y);
        return g;
    }
    add_outside(g, interval.x, enter);

    float t = enter;
    float last = enter;    // place of the last sample
    float before = NONE;   // its raw density
    float depth = 0.0;     // optical depth of what was passed and is too thin to add yet
    for (int i = 0; i < most_steps; ++i) {
        if (t >= leave || g.transmittance < OPAQUE) break;
        vec3 place = start + t * along;
        vec3 brick = clamp(floor(place * bricks), 0.0, bricks - 1.0);
        float reach = float(texelFetch(emptiness, ivec3(brick), 0).r);
        if (reach > 0.0) {  // jump out of the cube of bricks that are known to be empty
            vec3 wall = (brick + mix(vec3(1.0 - reach), vec3(reach), ahead)) / bricks;
            vec3 exits = (wall - start) * inverse;
            t = max(min(min(exits.x, exits.y), exits.z), t) + 0.01 * stride;
            last = t;
            before = NONE;
            continue;
        }
        float raw = density_at(place);
        depth += optical_depth(0.5 * (raw + before), t - last);
        float opacity = opacity_of(depth);
        if (g.transmittance * opacity > THIN) {
            float middle = 0.5 * (t + last);
            add(g, opacity, textureLod(colours, in_grid(start + middle * along), 0.0).rgb, middle);
            depth = 0.0;
        }
        before = raw;
        last = t;
        t += raw < FAINT ? 2.0 * stride : stride;
    }
    if (g.transmittance < OPAQUE) {
        float all = 1.0 / (1.0 - g.transmittance);
        return Gathered(g.colour * all, 0.0, g.distance * all);
    }
    add_outside(g, leave, interval.y);
    return g;
}

// Direction in which the density falls fastest at a place in the world; not of unit length.
vec3 falling(vec3 point, float reach) {
    vec3 place = point / (2.0 * half_side) + 0.5;
    float h = reach / (2.0 * half_side);
    vec3 e = vec3(h, 0.0, 0.0);
    return vec3(
        density_at(place - e.xyy) - density_at(place + e.xyy),
        density_at(place - e.yxy) - density_at(place + e.yxy),
        density_at(place - e.yyx) - density_at(place + e.yyx)
    );
}
