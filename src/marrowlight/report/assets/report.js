// The interactive view: starts when it comes into sight or when a lesion is chosen.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const settings = JSON.parse(byId("viewer-data").textContent);
  const view = byId("view");
  const canvas = byId("canvas");
  const readout = byId("readout");
  let starting = null;
  let findings = null;
  let bones = null;

  const probe = document.createElement("canvas").getContext("webgl2");
  if (!probe || typeof niivue === "undefined") {
    byId("view-failed").hidden = false;
    return;
  }
  const lose = probe.getExtension("WEBGL_lose_context");
  if (lose) lose.loseContext();
  view.hidden = false;

  const nv = new niivue.Niivue({
    logLevel: "error",
    loadingText: "",
    backColor: [0, 0, 0, 1],
    crosshairColor: [0.5, 0.82, 0.88, 0.9],
    crosshairWidth: 0.3,
    crosshairWidthUnit: "percent",
    crosshairGap: 8,
    fontColor: [0.95, 0.97, 0.97, 1],
    fontMinPx: 15,
    fontSizeScaling: 0.4,
    isRadiologicalConvention: true,
    sagittalNoseLeft: true,
    isNearestInterpolation: false,
    dragMode: niivue.DRAG_MODE.contrast,
    multiplanarShowRender: niivue.SHOW_RENDER.NEVER,
    tileMargin: 4,
  });

  const words = (mm) =>
    [["R", "L"], ["A", "P"], ["S", "I"]]
      .map((pair, axis) => `${pair[mm[axis] < 0 ? 1 : 0]} ${Math.abs(mm[axis]).toFixed(1)}`)
      .join("  ");
  let named = "";
  const tell = (mm) => {
    canvas.dataset.at = Array.from(mm).slice(0, 3).map((v) => v.toFixed(1)).join(" ");
    readout.textContent = `${named}Crosshair at ${words(mm)} mm`;
  };

  const volume = (id, name, options) =>
    niivue.NVImage.loadFromBase64({ base64: byId(id).textContent.trim(), name, ...options });

  async function start() {
    readout.textContent = "Loading the image…";
    await nv.attachToCanvas(canvas);
    nv.onLocationChange = (place) => tell(place.mm);
    nv.addVolume(await volume("volume-image", "image.nii.gz", {
      colormap: "gray", cal_min: settings.low, cal_max: settings.high,
    }));
    const mark = (r, g, b) => ({ R: [0, ...r], G: [0, ...g], B: [0, ...b] });
    const [e, c] = [settings.edemaRgb, settings.cystRgb];
    bones = await volume("volume-bones", "bones.nii.gz", { opacity: 0 });
    bones.setColormapLabel({ ...mark([150], [205], [215]), A: [0, 255], I: [0, 1], labels: ["", "bone"] });
    nv.addVolume(bones);
    findings = await volume("volume-findings", "findings.nii.gz", { opacity: 0.45 });
    findings.setColormapLabel({
      ...mark([e[0], c[0]], [e[1], c[1]], [e[2], c[2]]), A: [0, 255, 255], I: [0, 1, 2],
      labels: ["", "edema", "cyst"],
    });
    nv.addVolume(findings);
    paint();
    layout();
    if (settings.start) go(settings.start, false);
    canvas.dataset.ready = "yes";
  }

  const once = () => (starting ??= start().catch((error) => {
    view.hidden = true;
    byId("view-failed").hidden = false;
    throw error;
  }));

  function paint() {
    if (!findings) return;
    const strength = byId("strength").value / 100;
    nv.setOpacity(1, byId("show-bones").checked ? strength * 0.6 : 0);
    nv.setOpacity(2, byId("show-edema").checked ? strength : 0);
  }

  function layout() {
    const types = {
      axial: nv.sliceTypeAxial, coronal: nv.sliceTypeCoronal, sagittal: nv.sliceTypeSagittal,
    };
    const chosen = byId("layout").value;
    // In the layout of three planes the plane that was scanned is the large one.
    nv.setHeroImage(chosen === "all" ? 0.62 : 0);
    nv.opts.heroSliceType = types[settings.plane];
    nv.setSliceType(types[chosen] ?? nv.sliceTypeMultiplanar);
  }

  function go(id, announce) {
    // true: millimetres of the scanner, also where the slices are oblique.
    nv.scene.crosshairPos = nv.mm2frac(settings.places[id], 0, true);
    for (const row of document.querySelectorAll("tr.here")) row.classList.remove("here");
    const row = byId(`lesion-${id}`);
    if (row && announce) row.classList.add("here");
    named = announce ? `Lesion ${id}. ` : "";
    nv.drawScene();
    nv.createOnLocationChange();
    named = "";
  }

  async function visit(id) {
    await once();
    go(id, true);
    byId("viewer").scrollIntoView();
    canvas.focus({ preventScroll: true });
  }

  for (const cell of document.querySelectorAll("th[data-lesion]")) {
    const id = cell.dataset.lesion;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "goto";
    button.textContent = id;
    button.setAttribute("aria-label", `Show lesion ${id} in the interactive view`);
    cell.replaceChildren(button);
    const row = cell.parentElement;
    row.dataset.goes = id;
    row.addEventListener("click", () => visit(id));
  }
  for (const id of ["show-edema", "show-bones", "strength"]) byId(id).addEventListener("input", paint);
  byId("layout").addEventListener("change", layout);
  new IntersectionObserver((seen, observer) => {
    if (!seen.some((one) => one.isIntersecting)) return;
    observer.disconnect();
    once();
  }, { rootMargin: "200px" }).observe(view);
})();
