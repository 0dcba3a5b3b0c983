/**
 * The photo on the screen, drawn by WebGL2: lightness texture + the guided filter's coefficients -> colours.
 *
 * Zoom, wipe, before/after and strength only redraw; nothing here talks to the server. The planes are also kept in
 * ordinary memory, so that the colour of a place can be read without asking the graphics card and a lost context is
 * rebuilt.
 *
 * @module chroma_view
 */

import { halvesToFloats, toGamut } from "./color.js";
import { bilinear, bytesToFloats, lightnessOf } from "./planes.js";
import { COLOUR, VERTEX, light } from "./shaders.js";

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
    // Without a graphics card a canvas with an alpha channel is drawn and composited faster than one without.
    const gl = canvas.getContext("webgl2", { alpha: true, antialias: false, depth: false, stencil: false });
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
   * Compile a program.
   * @param {string} fragment
   * @param {string[]} names of its uniforms beside u_place and the textures
   */
  compile(fragment, names) {
    const gl = this.gl;
    const program = gl.createProgram();
    for (const [kind, source] of /** @type {const} */ ([
      [gl.VERTEX_SHADER, VERTEX],
      [gl.FRAGMENT_SHADER, fragment],
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
    const textures = ["u_lightness", "u_detail", "u_coefficients", "u_light"]; // each on the unit of its place here
    textures.forEach((name, unit) => gl.uniform1i(gl.getUniformLocation(program, name), unit));
    /** @type {Record<string, WebGLUniformLocation|null>} */
    const at = Object.fromEntries(["u_place", ...names].map((name) => [name, gl.getUniformLocation(program, name)]));
    return { program, at };
  }

  /** Compile the programs and make the textures. */
  prepare() {
    const gl = this.gl;
    const programs = {
      plain: this.compile(light(false), []),
      detailed: this.compile(light(true), ["u_detail_rect"]),
      colour: this.compile(COLOUR, ["u_least", "u_step", "u_middle"]),
    };
    const textures = {
      lightness: gl.createTexture(), detail: gl.createTexture(), coefficients: gl.createTexture(), light: gl.createTexture(),
    };
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.bindVertexArray(gl.createVertexArray());
    gl.activeTexture(gl.TEXTURE2);
    gl.bindTexture(gl.TEXTURE_2D, textures.coefficients);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 1, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4)); // until some come
    this.filter(gl.LINEAR, gl.LINEAR);
    this.uploadedCoefficients = { width: 1, height: 1, bytes: true };
    const target = gl.createFramebuffer();
    const mipmaps = gl.getExtension("EXT_color_buffer_float") !== null; // floats have mipmaps only then
    // Software drawing is three times as fast with whole floats; a real graphics card prefers half ones.
    const wide = drawsInSoftware(gl) && gl.getExtension("OES_texture_float_linear") !== null;
    // lit: what the light was drawn for, empty when it has to be drawn anew; room: the size of its texture
    return { programs, textures, target, mipmaps, wide, lit: "", room: { width: 0, height: 0 } };
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
    const { wide } = this.gpu;
    if (wide) this.floats = sent instanceof Uint8Array ? bytesToFloats(sent, this.floats) : halvesToFloats(sent, this.floats);
    const data = wide ? this.floats : sent;
    const bytes = data instanceof Uint8Array;
    const [inside, type] = bytes ? [gl.RGBA8, gl.UNSIGNED_BYTE] : wide ? [gl.RGBA32F, gl.FLOAT] : [gl.RGBA16F, gl.HALF_FLOAT];
    const before = this.uploadedCoefficients;
    if (before.width === width && before.height === height && before.bytes === bytes) {
      gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, width, height, gl.RGBA, type, data);
      return;
    }
    gl.texImage2D(gl.TEXTURE_2D, 0, inside, width, height, 0, gl.RGBA, type, data);
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
    this.gpu.lit = "";
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
    const { width, height } = this.canvas;
    gl.viewport(0, 0, width, height);
    gl.clearColor(...frame.surround, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (!this.photo || !this.lightness) return;
    const place = this.place(frame, this.photo);
    this.drawLight(place, this.photo, this.lightness);
    const { program, at } = this.gpu.programs.colour;
    gl.useProgram(program);
    gl.uniform4f(at.u_place, ...place);
    gl.activeTexture(gl.TEXTURE3);
    gl.bindTexture(gl.TEXTURE_2D, this.gpu.textures.light);
    const colour = (/** @type {number} */ left, /** @type {number} */ right, /** @type {number} */ strength) => {
      if (left >= right) return;
      gl.scissor(left, 0, right - left, height);
      this.setPlanes(at, strength);
      gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    };
    const uncoloured = frame.before || !this.coefficients;
    const edge = uncoloured ? width : frame.wipe === null ? 0 : Math.round((frame.wipe * width) / frame.viewport.width);
    gl.enable(gl.SCISSOR_TEST);
    colour(0, Math.min(edge, width), 0);
    colour(Math.max(edge, 0), width, frame.strength);
    gl.disable(gl.SCISSOR_TEST);
  }

  /**
   * Where the photo lies: left, top, width and height in clip space, snapped to device pixels, so that a photo at 100 %
   * is drawn pixel for pixel.
   * @param {Frame} frame
   * @param {Size} photo
   * @returns {[number, number, number, number]}
   */
  place({ view, viewport }, photo) {
    const { width, height } = this.canvas;
    const ratioX = width / viewport.width;
    const ratioY = height / viewport.height;
    const left = Math.round(view.x * ratioX);
    const top = Math.round(view.y * ratioY);
    const wide = Math.max(Math.round(photo.width * view.scale * ratioX), 1);
    const high = Math.max(Math.round(photo.height * view.scale * ratioY), 1);
    return [(2 * left) / width - 1, 1 - (2 * top) / height, (2 * wide) / width, (-2 * high) / height];
  }

  /**
   * Draw the light of every pixel, unless it was drawn for the same place already.
   * @param {[number, number, number, number]} place
   * @param {Size} photo
   * @param {LightnessPlane} lightness
   */
  drawLight(place, photo, lightness) {
    const gl = this.gl;
    const { width, height } = this.canvas;
    const scale = (place[2] * width) / 2 / photo.width; // device pixels per photo pixel
    const squares = scale >= SQUARES_FROM;
    const lit = [width, height, squares, ...place].join(" ");
    if (lit === this.gpu.lit) return;
    const { textures, target, programs, mipmaps } = this.gpu;
    gl.activeTexture(gl.TEXTURE3);
    gl.bindTexture(gl.TEXTURE_2D, textures.light);
    const { room } = this.gpu;
    if (room.width !== width || room.height !== height) {
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RG8, width, height, 0, gl.RG, gl.UNSIGNED_BYTE, null);
      this.filter(gl.NEAREST, gl.NEAREST);
      this.gpu.room = { width, height };
    }
    gl.bindTexture(gl.TEXTURE_2D, null); // it is drawn to now
    gl.bindFramebuffer(gl.FRAMEBUFFER, target);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, textures.light, 0);
    const detail = this.detail?.rect;
    const detailed = detail !== undefined && detail.width > 0;
    const { program, at } = detailed ? programs.detailed : programs.plain;
    gl.useProgram(program);
    gl.uniform4f(at.u_place, ...place);
    if (detailed) {
      const { width: w, height: h } = photo;
      gl.uniform4f(at.u_detail_rect, detail.x / w, detail.y / h, w / detail.width, h / detail.height);
      gl.activeTexture(gl.TEXTURE1);
      gl.bindTexture(gl.TEXTURE_2D, textures.detail);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, squares ? gl.NEAREST : gl.LINEAR);
    }
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, textures.lightness);
    const whole = lightness.width >= photo.width;
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, squares && whole ? gl.NEAREST : gl.LINEAR);
    if (mipmaps) {
      const small = scale * photo.width * SMALLER_FROM < lightness.width;
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, small ? gl.LINEAR_MIPMAP_LINEAR : gl.LINEAR);
    }
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    this.gpu.lit = lit;
  }

  /**
   * Tell the colouring program what the coefficients stand for. It wants ab as steps of Lab's f (a / 500, -b / 200), as
   * functions of f instead of L, and the strength in them.
   * @param {Record<string, WebGLUniformLocation|null>} at
   * @param {number} strength
   */
  setPlanes(at, strength) {
    const gl = this.gl;
    const { least, step, middle, data } = this.coefficients ?? { least: [0, 0, 0, 0], step: [0, 0, 0, 0], middle: 0, data: null };
    const range = data instanceof Uint8Array && !this.gpu.wide ? 255 : 1; // a texture of bytes is read as 0..1
    const unit = [116 / 500, 1 / 500, -116 / 200, -1 / 200].map((of) => of * strength);
    gl.uniform4f(at.u_least, least[0] * unit[0], least[1] * unit[1], least[2] * unit[2], least[3] * unit[3]);
    const [a, b, c, d] = unit.map((of, k) => of * step[k] * range);
    gl.uniform4f(at.u_step, a, b, c, d);
    gl.uniform1f(at.u_middle, (middle + 16) / 116);
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
