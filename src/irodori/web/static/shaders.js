/**
 * The shader that colours the photo on the screen: the same formula as the server's full-size render.
 *
 * For every screen pixel: lightness L from a texture, the guided filter's coefficients (A_a, B_a, A_b, B_b) bilinearly
 * from a small one, ab = strength * (A L + B), brought into the sRGB gamut keeping L and hue, Lab -> sRGB.
 *
 * @module shaders
 */

import { FROM_XYZ } from "./color.js";

const number = (/** @type {number} */ v) => (Number.isInteger(v) ? `${v}.0` : String(v));
/** GLSL matrices are written column by column. */
const columns = [0, 1, 2].flatMap((c) => FROM_XYZ.map((row) => number(row[c]))).join(", ");

/** A rectangle that covers exactly the photo: corners from the vertex number, no buffers. */
export const VERTEX = `#version 300 es
uniform vec4 u_place;   // photo's left, top, width, height in clip space
out vec2 v_photo;       // 0..1 over the photo, top left first
void main() {
  v_photo = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  gl_Position = vec4(u_place.xy + v_photo * u_place.zw, 0.0, 1.0);
}`;

const DETAIL_INPUTS = `
uniform sampler2D u_detail;        // the part in view at a finer scale
uniform vec4 u_detail_rect;        // left, top, 1 / width, 1 / height of that part over the photo (0..1)`;
const DETAIL = `
  vec2 inside = (v_photo - u_detail_rect.xy) * u_detail_rect.zw;
  float finer = texture(u_detail, inside).r;
  vec2 beyond = abs(inside - 0.5);
  if (max(beyond.x, beyond.y) <= 0.5) lightness = finer;`;

/**
 * The fragment shader. Without a finer part it does not ask for one: software drawing runs through both sides of an "if".
 * @param {boolean} detailed
 */
export const fragment = (detailed) => `#version 300 es
precision highp float;
precision highp sampler2D;
uniform sampler2D u_lightness;     // whole photo, L 0..100
uniform sampler2D u_coefficients;  // A_a, B_a, A_b, B_b
uniform vec4 u_least, u_step;      // what they stand for: least + step * number
uniform float u_middle;            // they belong to L - middle
uniform float u_strength;
uniform float u_wipe;              // device pixels from the left: what lies left of it is shown uncoloured${detailed ? DETAIL_INPUTS : ""}
in vec2 v_photo;
out vec4 colour;

const mat3 FROM_XYZ = mat3(${columns});
const float KNEE = 6.0 / 29.0;

vec3 linear_from_lab(float fy, vec2 ab) {
  vec3 f = vec3(fy + ab.x / 500.0, fy, fy - ab.y / 200.0);
  vec3 low = 3.0 * KNEE * KNEE * (f - 4.0 / 29.0);
  return FROM_XYZ * mix(low, f * f * f, greaterThan(f, vec3(KNEE)));
}

// 1.055 x^(1/2.4) - 0.055 by square roots, which software drawing does much faster; wrong by 0.008 of an 8-bit step at most.
vec3 encoded(vec3 x) {
  vec3 r2 = sqrt(x);
  vec3 r4 = sqrt(r2);
  return 0.65399891 * r2 + 0.68868059 * r4 - 0.31844643 * sqrt(r4) - 0.02019047 * x - 0.00407397;
}

bool fits(vec3 rgb) {
  vec3 off = abs(rgb - 0.5);
  return max(off.r, max(off.g, off.b)) <= 0.5001;
}

void main() {
  float lightness = texture(u_lightness, v_photo).r;${detailed ? DETAIL : ""}
  float fy = (lightness + 16.0) / 116.0;
  vec2 ab = vec2(0.0);
  if (gl_FragCoord.x >= u_wipe) {
    vec4 c = u_least + u_step * texture(u_coefficients, v_photo);
    ab = u_strength * (c.xz * (lightness - u_middle) + c.yw);
  }
  // The first try takes the colour as it is; bisection follows for what the screen cannot show. All in one loop, for
  // software drawing runs through both sides of an "if", but ends a loop early.
  vec3 rgb = vec3(fy > KNEE ? fy * fy * fy : 3.0 * KNEE * KNEE * (fy - 4.0 / 29.0)); // grey, which always fits
  float scale = 1.0;
  float part = 1.0;
  for (int i = 0; i < 10; i++) {
    vec3 tried = linear_from_lab(fy, ab * scale);
    bool shown = fits(tried);
    if (shown) rgb = tried;
    if (shown && i == 0) break;
    part *= 0.5;
    scale += shown ? part : -part;
  }
  rgb = clamp(rgb, 0.0, 1.0);
  colour = vec4(mix(12.92 * rgb, encoded(rgb), greaterThan(rgb, vec3(0.0031308))), 1.0);
}`;
