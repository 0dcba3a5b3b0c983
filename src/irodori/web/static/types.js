/**
 * Shapes shared by the modules of the editor's page, as JSDoc types (there is no code here).
 *
 * Coordinates named `x, y` are photo pixels: x right, y down, pixel centres at .5. Screen positions are CSS pixels
 * relative to the top-left corner of the canvas. Colours are CIE Lab (D65): `ab` is `[a, b]`, about -110..110.
 *
 * @module types
 */

/** @typedef {[number, number]} Ab  a* and b* */
/** @typedef {{x: number, y: number}} Point */
/** @typedef {{width: number, height: number}} Size */
/** @typedef {{x: number, y: number, width: number, height: number}} Rect */

/**
 * A colour at a place, as the server stores it. Exactly one of `rgb` ("#rrggbb") and `ab` is set.
 * `radius` is in photo pixels; null means 1.2 % of the short side. The hints of one brush stroke share an `id`.
 * @typedef {object} Hint
 * @property {number} x
 * @property {number} y
 * @property {number|null} [radius]
 * @property {string|null} [rgb]
 * @property {Ab|null} [ab]
 * @property {string|null} [id]
 * @property {string} [note]
 */

/** @typedef {"colour"|"protect"|"original"} RegionKind */

/**
 * An area with a colour of its own ("colour"), with its present colour pinned ("protect"), or with the colours that
 * the photo came with ("original").
 * @typedef {object} Region
 * @property {[number, number][]} polygon
 * @property {RegionKind} kind
 * @property {string|null} [rgb]
 * @property {Ab|null} [ab]
 * @property {string|null} [id]
 * @property {string} [note]
 * @property {[number, number, number, number][]} [pins]  of a protected region: x, y, a, b
 */

/**
 * Colour statistics of another picture that steer the whole photo.
 * @typedef {object} Reference
 * @property {number[]|null} histogram
 * @property {number|null} saturation
 * @property {string} name
 */

/**
 * Everything that changes the picture; a plain value that is never modified in place.
 * @typedef {object} Edits
 * @property {number} version
 * @property {Hint[]} hints
 * @property {Region[]} regions
 * @property {Reference|null} reference
 * @property {number} reference_strength
 * @property {number|null} saturation_hint
 * @property {number} strength
 */

/**
 * One suggested colour for a place, with its likelihood (0..1).
 * @typedef {object} Suggestion
 * @property {string} rgb
 * @property {Ab} ab
 * @property {number} weight
 */

/**
 * Where the photo lies on the canvas: screen = photo * scale + (x, y).
 * @typedef {object} View
 * @property {number} scale  CSS pixels per photo pixel
 * @property {number} x  CSS pixels from the canvas' left edge to the photo's left edge
 * @property {number} y
 */

/**
 * A plane of lightness: one half float per pixel, L* 0..100, row by row from the top.
 * @typedef {{data: Uint16Array, width: number, height: number}} LightnessPlane
 */

/**
 * The guided filter's coefficients: four half floats per pixel, A_a, B_a, A_b, B_b. Or rounded: four bytes per pixel, of
 * which each stands for least + step * byte, and which belong to L - middle instead of L.
 * @typedef {{data: Uint16Array|Uint8Array, width: number, height: number, least: Four, step: Four, middle: number}} CoefficientPlane
 */

/**
 * What the marks over the photo are drawn with: a part of a canvas's context.
 * @typedef {Pick<CanvasRenderingContext2D, "beginPath"|"closePath"|"moveTo"|"lineTo"|"quadraticCurveTo"|"arc"|"rect"|"fill"|"stroke"|"setLineDash"|"lineWidth"|"strokeStyle"|"fillStyle"|"globalAlpha"|"lineCap"|"lineJoin"|"imageSmoothingEnabled"|"imageSmoothingQuality"> & {drawImage: (image: CanvasImageSource, x: number, y: number, width: number, height: number) => void}} Pen
 */
/** @typedef {[number, number, number, number]} Four */
/** @typedef {{id: string, name: string, created: string}} Snapshot */
/** @typedef {{id: string, name: string, active: boolean, picture: string, reference: Reference}} UsedReference */
/** @typedef {{id: string, name: string, width: number, height: number, page: number, pages: number, created: string, changed: string, thumbnail: string}} SessionSummary */
/** @typedef {{name: string, title: string, credit: string, width: number, height: number, thumbnail: string}} Sample */

/**
 * What the server knows about the photo being edited (docs/http.md, section 2).
 * @typedef {object} SessionState
 * @property {string} id
 * @property {string} name
 * @property {string} model
 * @property {number} width
 * @property {number} height
 * @property {number} bits
 * @property {boolean} grey
 * @property {number} page  of the file, from 1
 * @property {number} pages  1 but for some TIFF files
 * @property {boolean} even_tones  the model sees the photo with its tones evened out
 * @property {number} revision
 * @property {boolean} can_undo
 * @property {boolean} can_redo
 * @property {Edits} edits
 * @property {Snapshot[]} snapshots
 * @property {UsedReference[]} references
 * @property {string} created
 * @property {string} changed
 */

/**
 * A chroma body: the coefficients and what they belong to.
 * @typedef {object} Chroma
 * @property {CoefficientPlane} plane
 * @property {number} revision
 * @property {boolean} preview
 * @property {boolean} canUndo
 * @property {boolean} canRedo
 */

/**
 * @typedef {object} Answer
 * @property {unknown} shown  what to draw: a chroma body, or a picture
 * @property {number} revision
 * @property {Record<string, number>} [timing]
 */

/**
 * The server, as far as the store needs it.
 * @typedef {object} Server
 * @property {(id: string, revision: number, edits: Edits, commit: boolean, signal: AbortSignal) => Promise<Answer|null>} edit
 * @property {(id: string, revision: number, edits: Edits) => Promise<SessionState>} commitQuietly
 * @property {(id: string, signal: AbortSignal) => Promise<Answer>} show
 * @property {(id: string, revision: number, direction: "undo"|"redo") => Promise<SessionState>} step
 * @property {(id: string) => Promise<SessionState>} state
 */

/** @typedef {"saved"|"saving"|"lost"|"stuck"|"conflict"} Status  stuck: the server is there, but cannot take the change now */
/** @typedef {(edits: Edits) => Edits} Change */

/**
 * @typedef {object} StoreEvents
 * @property {Edits} edits  the edits on the screen changed
 * @property {Answer & {requested: number, received: number}} answer  something newer to draw
 * @property {SessionState} state  the server's view of the session changed
 * @property {Status} status
 * @property {Error} refused  the server refused a change; it was taken back
 * @property {SessionState} conflict  another tab changed the photo
 * @property {import("./api.js").ApiError} stuck  the server cannot take the change now; it waits
 * @property {null} gone  the photo no longer exists
 * @property {null} restored  changes from before a crash were brought back
 */

/**
 * @typedef {{kind: "commit", change: Change, quiet: boolean, sent?: Edits}} CommitStep
 * @typedef {{kind: "other", run: (id: string, revision: number) => Promise<SessionState>, sent?: true, counts: boolean}} OtherStep
 * @typedef {CommitStep|OtherStep|"preview"|"show"} Task
 */

/** @typedef {{revision: number, x: number, y: number, lightness: number, current: {rgb: string, ab: Ab}, suggestions: Suggestion[]}} Palette */

/**
 * A colour to take again: how it looked, and what a hint says (at a very light or dark place the look alone has lost it).
 * @typedef {{hex: string, ab: Ab}} Swatch
 */

/** @typedef {"hint"|"brush"|"lasso"|"eyedropper"|"eraser"|"protect"|"original"|"pan"} Tool */

/**
 * What is selected: all hints with this id, or the region with this id.
 * @typedef {{kind: "hint"|"region", id: string}} Selection
 */

export {};
