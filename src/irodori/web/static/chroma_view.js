/**
 * The photo on the screen, drawn by WebGL2: lightness texture + the guided filter's coefficients -> colours.
 *
 * Zoom, wipe, before/after and strength only redraw; nothing here talks to the server. The planes are also kept in
 * ordinary memory, so that the colour of a place can be read without asking the graphics card and a lost context is
 * rebuilt.
 *
 * @module chroma_view
 */

import { halfToNumber, halvesToFloats, toGamut } from "./color.js";
import { VERTEX, fragment } from "./shaders.js";

/** @typedef {import("./types.js").Ab} Ab */
/** @typedef {import("./types.js").Rect} Rect */
/** @typedef {import("./types.js").Size} Size */
/** @typedef {import("./types.js").View} View */

/** @typedef {import("./types.js").LightnessPlane} LightnessPlane */
/** @typedef {import("./types.js").CoefficientPlane} CoefficientPlane */
/**
 * How to draw.
 * @typedef {object} Frame
 * @property {View} view
 * @property {Size} viewport  CSS pixels
 * @property {number} strength
 * @property {number|null} wipe  CSS pixels from the left of the canvas; null shows the whole photo in colour
 * @property {boolean} before  the whole photo uncoloured
 * @property {[number, number, number]} surround  0..1
 */

/** Zoomed in to this many device pixels per photo pixel, pixels are shown as squares. */
const SQUARES_FROM = 6;
/** A lightness plane that is shown smaller than this is drawn from its mipmaps; they are slow without a graphics card. */
const SMALLER_FROM = 1.7;

export class ChromaView {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {() => void} onRestored called when the graphics card came back and everything needs drawing again
   * @throws {Error} when the browser has no WebGL2
   */
  constructor(canvas, onRestored) {
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false, stencil: false });
    if (!gl) throw new Error("WebGL2 is not available");
    this.canvas = canvas;
    this.gl = gl;
    /** @type {Size|null} */
    this.photo = null;
    /** @type {LightnessPlane|null} */
    this.lightness = null;
    /** @type {CoefficientPlane|null} */
    this.coefficients = null;
    /** @type {{rect: Rect, plane: LightnessPlane}|null} */
    this.detail = null;
    /** @type {Float32Array|null} the coefficients as whole floats: the same memory for every answer */
    this.floats = null;
    /** @type {Size & {bytes: boolean}} */
    this.uploadedCoefficients = { width: 0, height: 0, bytes: false };
    this.gpu = this.prepare();
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      this.gpu = this.prepare();
      this.uploadAll();
      onRestored();
    });
  }

  /**
   * Compile one of the two programs.
   * @param {boolean} detailed whether it draws a part at a finer scale
   */
  compile(detailed) {
    const gl = this.gl;
    const program = gl.createProgram();
    for (const [kind, source] of /** @type {const} */ ([
      [gl.VERTEX_SHADER, VERTEX],
      [gl.FRAGMENT_SHADER, fragment(detailed)],
    ])) {
      const shader = gl.createShader(kind);
      if (!shader) throw new Error("WebGL2 is not available");
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
      throw new Error(`The drawing program was refused: ${gl.getProgramInfoLog(program)}`);
    }
    gl.useProgram(program);
    const names = ["u_place", "u_lightness", "u_detail", "u_coefficients", "u_least", "u_step", "u_middle",
      "u_detail_rect", "u_strength", "u_wipe"];
    /** @type {Record<string, WebGLUniformLocation|null>} */
    const at = Object.fromEntries(names.map((name) => [name, gl.getUniformLocation(program, name)]));
    gl.uniform1i(at.u_lightness, 0);
    gl.uniform1i(at.u_detail, 1);
    gl.uniform1i(at.u_coefficients, 2);
    return { program, at };
  }

  /** Compile the programs and make the textures. */
  prepare() {
    const gl = this.gl;
    const programs = { plain: this.compile(false), detailed: this.compile(true) };
    const textures = { lightness: gl.createTexture(), detail: gl.createTexture(), coefficients: gl.createTexture() };
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.bindVertexArray(gl.createVertexArray());
    this.uploadedCoefficients = { width: 0, height: 0, bytes: false };
    const mipmaps = gl.getExtension("EXT_color_buffer_float") !== null; // floats have mipmaps only then
    // Software drawing is three times as fast with whole floats; a real graphics card prefers half ones.
    const wide = drawsInSoftware(gl) && gl.getExtension("OES_texture_float_linear") !== null;
    return { programs, textures, mipmaps, wide };
  }

  /** Upload every plane again (after the graphics context was lost). */
  uploadAll() {
    if (this.lightness) this.uploadLightness(0, this.gpu.textures.lightness, this.lightness);
    if (this.detail) this.uploadLightness(1, this.gpu.textures.detail, this.detail.plane);
    if (this.coefficients) this.setCoefficients(this.coefficients);
  }

  /** The largest plane side that the graphics card takes. */
  get maxTextureSize() {
    return Number(this.gl.getParameter(this.gl.MAX_TEXTURE_SIZE));
  }

  /**
   * Show another photo: its size, and its lightness at screen size.
   * @param {Size} photo
   * @param {LightnessPlane} plane
   */
  setPhoto(photo, plane) {
    this.photo = photo;
    this.lightness = plane;
    this.coefficients = null;
    this.detail = null;
    this.uploadLightness(0, this.gpu.textures.lightness, plane);
  }

  /** Show nothing. */
  clear() {
    this.photo = this.lightness = this.coefficients = this.detail = null;
  }

  /**
   * The lightness of a part of the photo at a finer scale.
   * @param {Rect} rect in photo pixels
   * @param {LightnessPlane} plane
   */
  setDetail(rect, plane) {
    this.detail = { rect, plane };
    this.uploadLightness(1, this.gpu.textures.detail, plane);
  }

  /** @param {CoefficientPlane} plane */
  setCoefficients(plane) {
    const gl = this.gl;
    this.coefficients = plane;
    gl.activeTexture(gl.TEXTURE2);
    gl.bindTexture(gl.TEXTURE_2D, this.gpu.textures.coefficients);
    const { data: sent, width, height } = plane;
    const bytes = sent instanceof Uint8Array;
    const [inside, type] = bytes
      ? [gl.RGBA8, gl.UNSIGNED_BYTE]
      : this.gpu.wide
        ? [gl.RGBA32F, gl.FLOAT]
        : [gl.RGBA16F, gl.HALF_FLOAT];
    if (!bytes && this.gpu.wide) this.floats = halvesToFloats(sent, this.floats);
    const data = !bytes && this.gpu.wide ? this.floats : sent;
    const before = this.uploadedCoefficients;
    if (before.width === width && before.height === height && before.bytes === bytes) {
      gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, plane.width, plane.height, gl.RGBA, type, data);
      return;
    }
    gl.texImage2D(gl.TEXTURE_2D, 0, inside, plane.width, plane.height, 0, gl.RGBA, type, data);
    this.filter(gl.LINEAR, gl.LINEAR);
    this.uploadedCoefficients = { width, height, bytes };
  }

  /**
   * @param {number} unit
   * @param {WebGLTexture} texture
   * @param {LightnessPlane} plane
   */
  uploadLightness(unit, texture, plane) {
    const gl = this.gl;
    const [inside, type] = this.gpu.wide ? [gl.R32F, gl.FLOAT] : [gl.R16F, gl.HALF_FLOAT];
    const data = this.gpu.wide ? halvesToFloats(plane.data) : plane.data;
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, inside, plane.width, plane.height, 0, gl.RED, type, data);
    if (unit === 0 && this.gpu.mipmaps) gl.generateMipmap(gl.TEXTURE_2D);
    this.filter(gl.LINEAR, gl.LINEAR);
  }

  /**
   * @param {number} smaller
   * @param {number} larger
   */
  filter(smaller, larger) {
    const gl = this.gl;
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, smaller);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, larger);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  }

  /**
   * Draw the photo. Without coefficients it is shown uncoloured.
   * @param {Frame} frame
   */
  draw(frame) {
    const gl = this.gl;
    const { view, viewport } = frame;
    const { width, height } = this.canvas;
    gl.viewport(0, 0, width, height);
    gl.clearColor(...frame.surround, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (!this.photo || !this.lightness) return;
    const ratioX = width / viewport.width;
    const ratioY = height / viewport.height;
    // Snapped to device pixels, so that a photo at 100 % is drawn pixel for pixel.
    const left = Math.round(view.x * ratioX);
    const top = Math.round(view.y * ratioY);
    const wide = Math.max(Math.round(this.photo.width * view.scale * ratioX), 1);
    const high = Math.max(Math.round(this.photo.height * view.scale * ratioY), 1);
    const detail = this.detail?.rect;
    const detailed = detail !== undefined && detail.width > 0;
    const { program, at } = detailed ? this.gpu.programs.detailed : this.gpu.programs.plain;
    gl.useProgram(program);
    gl.uniform4f(at.u_place, (2 * left) / width - 1, 1 - (2 * top) / height, (2 * wide) / width, (-2 * high) / height);
    const squares = view.scale * ratioX >= SQUARES_FROM;
    if (detailed) {
      const { width: w, height: h } = this.photo;
      gl.uniform4f(at.u_detail_rect, detail.x / w, detail.y / h, w / detail.width, h / detail.height);
      gl.activeTexture(gl.TEXTURE1);
      gl.bindTexture(gl.TEXTURE_2D, this.gpu.textures.detail);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, squares ? gl.NEAREST : gl.LINEAR);
    }
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.gpu.textures.lightness);
    const whole = this.lightness.width >= this.photo.width;
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, squares && whole ? gl.NEAREST : gl.LINEAR);
    if (this.gpu.mipmaps) {
      const small = wide * SMALLER_FROM < this.lightness.width;
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, small ? gl.LINEAR_MIPMAP_LINEAR : gl.LINEAR);
    }
    const uncoloured = frame.before || !this.coefficients;
    if (this.coefficients) {
      const { data, least, step, middle } = this.coefficients;
      const range = data instanceof Uint8Array ? 255 : 1; // a texture of bytes is read as 0..1
      gl.uniform4f(at.u_least, ...least);
      gl.uniform4f(at.u_step, step[0] * range, step[1] * range, step[2] * range, step[3] * range);
      gl.uniform1f(at.u_middle, middle);
    }
    gl.uniform1f(at.u_strength, frame.strength);
    gl.uniform1f(at.u_wipe, uncoloured ? width + 1 : frame.wipe === null ? -1 : frame.wipe * ratioX);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  /**
   * Wait until everything drawn so far is in the picture (for measuring only).
   */
  finish() {
    this.gl.readPixels(0, 0, 1, 1, this.gl.RGBA, this.gl.UNSIGNED_BYTE, new Uint8Array(4));
  }

  /**
   * L* at a place, from the screen-size plane; 50 when nothing is shown.
   * @param {number} x
   * @param {number} y
   * @returns {number}
   */
  lightnessAt(x, y) {
    if (!this.photo || !this.lightness) return 50;
    return lightnessOf(this.lightness, x / this.photo.width, y / this.photo.height);
  }

  /**
   * The colour that the result has at a place (with the given strength); null before the first answer.
   * @param {number} x
   * @param {number} y
   * @param {number} strength
   * @returns {{lightness: number, ab: Ab}|null}
   */
  colourAt(x, y, strength) {
    if (!this.photo || !this.coefficients) return null;
    const lightness = this.lightnessAt(x, y);
    const c = bilinear(this.coefficients, x / this.photo.width, y / this.photo.height);
    const above = lightness - this.coefficients.middle;
    const ab = /** @type {Ab} */ ([strength * (c[0] * above + c[1]), strength * (c[2] * above + c[3])]);
    return { lightness, ab: toGamut(lightness, ab) };
  }
}

/**
 * Whether this browser draws without a graphics card.
 * @param {WebGL2RenderingContext} gl
 * @returns {boolean}
 */
function drawsInSoftware(gl) {
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  const name = String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(name);
}

/**
 * L* of a plane at a relative position (nearest pixel).
 * @param {LightnessPlane} plane
 * @param {number} u 0..1
 * @param {number} v 0..1
 * @returns {number}
 */
export function lightnessOf(plane, u, v) {
  const column = Math.min(Math.max(Math.floor(u * plane.width), 0), plane.width - 1);
  const row = Math.min(Math.max(Math.floor(v * plane.height), 0), plane.height - 1);
  return halfToNumber(plane.data[row * plane.width + column]);
}

/**
 * The four coefficients at a relative position: bilinear between pixel centres, edges repeated (as the shader does).
 * @param {CoefficientPlane} plane
 * @param {number} u 0..1
 * @param {number} v 0..1
 * @returns {number[]}
 */
export function bilinear(plane, u, v) {
  const axis = (/** @type {number} */ t, /** @type {number} */ length) => {
    const at = Math.min(Math.max(t * length - 0.5, 0), length - 1);
    const first = Math.floor(at);
    return { first, second: Math.min(first + 1, length - 1), share: at - first };
  };
  const x = axis(u, plane.width);
  const y = axis(v, plane.height);
  const { data, least, step } = plane;
  const value = (/** @type {number} */ row, /** @type {number} */ column, /** @type {number} */ k) => {
    const number = data[4 * (row * plane.width + column) + k];
    return data instanceof Uint8Array ? least[k] + step[k] * number : halfToNumber(number);
  };
  return [0, 1, 2, 3].map((k) => {
    const top = value(y.first, x.first, k) * (1 - x.share) + value(y.first, x.second, k) * x.share;
    const bottom = value(y.second, x.first, k) * (1 - x.share) + value(y.second, x.second, k) * x.share;
    return top * (1 - y.share) + bottom * y.share;
  });
}
