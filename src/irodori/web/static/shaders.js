/**
 * The shaders that colour the photo on the screen: the same formula as the server's full-size render.
 *
 * Two steps, so that a hint under the pointer costs only the second:
 *
 * 1. The light of every screen pixel, from the lightness plane and, zoomed in, from a finer piece of it. It lasts until
 *    the photo is moved, zoomed or exchanged, and is kept as the f of Lab, f = (L + 16) / 116, in steps of 1 / 65535: two
 *    bytes of an RG8 texture, which every browser can draw to.
 * 2. The colour: the guided filter's coefficients (A_a, B_a, A_b, B_b) bilinearly from their small texture,
 *    ab = strength * (A L + B), brought into the sRGB gamut keeping L and hue, Lab -> sRGB.
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
out vec2 v_screen;      // 0..1 over the canvas, bottom left first
void main() {
  v_photo = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  gl_Position = vec4(u_place.xy + v_photo * u_place.zw, 0.0, 1.0);
  v_screen = 0.5 * gl_Position.xy + 0.5;
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
 * The first step. Without a finer part it does not ask for one: software drawing runs through both sides of an "if".
 * @param {boolean} detailed
 */
export const light = (detailed) => `#version 300 es
precision highp float;
precision highp sampler2D;
uniform sampler2D u_lightness;     // whole photo, L 0..100${detailed ? DETAIL_INPUTS : ""}
in vec2 v_photo;
out vec4 two;

void main() {
  float lightness = texture(u_lightness, v_photo).r;${detailed ? DETAIL : ""}
  float steps = floor(clamp((lightness + 16.0) / 116.0, 0.0, 1.0) * 65535.0 + 0.5);
  float high = floor(steps / 256.0);
  two = vec4(high / 255.0, (steps - 256.0 * high) / 255.0, 0.0, 1.0);
}`;

/**
 * The second step. Written for software drawing, where every operation counts: what is equal for all pixels comes
 * worked out in the uniforms, and the loop holds nothing that most pixels need.
 */
export const COLOUR = `#version 300 es
precision highp float;
precision highp sampler2D;
uniform sampler2D u_light;         // f in two bytes, pixel for pixel
uniform sampler2D u_coefficients;  // A_a, B_a, A_b, B_b as numbers
uniform vec4 u_least, u_step;      // ab as steps of f: (least + step * number).xz * (f - middle) + (...).yw
uniform float u_middle;
in vec2 v_photo;
in vec2 v_screen;
out vec4 colour;

const mat3 FROM_XYZ = mat3(${columns});
const float KNEE = 6.0 / 29.0;

// Below the knee the cube goes on as its tangent.
vec3 linear(float fy, vec2 ab) {
  vec3 f = vec3(fy + ab.x, fy, fy + ab.y);
  vec3 g = max(f, KNEE);
  return FROM_XYZ * (g * g * g + (3.0 * KNEE * KNEE) * (f - g));
}

// The worst channel's distance from the middle of 0..1.
float reach(vec3 rgb) {
  vec3 off = abs(rgb - 0.5);
  return max(off.r, max(off.g, off.b));
}

// 1.055 x^(1/2.4) - 0.055 by square roots, which software drawing does much faster; wrong by 0.1 of an 8-bit step at most.
vec3 encoded(vec3 x) {
  vec3 root = sqrt(x);
  return 0.83371446 * root + 0.29814081 * sqrt(root) - 0.05530362 * x - 0.0769107;
}

void main() {
  vec2 two = texture(u_light, v_screen).rg;
  float fy = dot(two, vec2(65280.0 / 65535.0, 255.0 / 65535.0));
  vec4 c = u_least + u_step * texture(u_coefficients, v_photo);
  vec2 ab = c.xz * (fy - u_middle) + c.yw;
  vec3 rgb = linear(fy, ab);
  // What the screen cannot show gives up chroma, by bisection; the last turn shows the most that fitted.
  float beyond = reach(rgb);
  float most = 0.0;
  float part = 0.5;
  while (beyond > 0.5001) {
    bool trying = part > 0.001;
    float share = trying ? most + part : most;
    rgb = linear(fy, ab * share);
    most = reach(rgb) <= 0.5001 ? share : most;
    beyond = trying ? beyond : 0.0;
    part *= 0.5;
  }
  rgb = clamp(rgb, 0.0, 1.0);
  colour = vec4(mix(12.92 * rgb, encoded(rgb), greaterThan(rgb, vec3(0.0031308))), 1.0);
}`;
