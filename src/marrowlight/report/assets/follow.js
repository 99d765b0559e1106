// The interactive view of two visits that move together: starts when it comes into sight.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const settings = JSON.parse(byId("viewer-data").textContent);
  const view = byId("view");
  const readout = byId("readout");
  const canvases = [byId("canvas-0"), byId("canvas-1")];
  let viewers = [];
  let leading = false;

  const fail = () => {
    view.hidden = true;
    byId("view-failed").hidden = false;
  };
  const probe = document.createElement("canvas").getContext("webgl2");
  if (!probe || typeof niivue === "undefined") return fail();
  const lose = probe.getExtension("WEBGL_lose_context");
  if (lose) lose.loseContext();
  view.hidden = false;

  const words = (mm) =>
    [["R", "L"], ["A", "P"], ["S", "I"]]
      .map((pair, axis) => `${pair[mm[axis] < 0 ? 1 : 0]} ${Math.abs(mm[axis]).toFixed(1)}`)
      .join("  ");

  const make = () => new niivue.Niivue({
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
  });

  const volume = (id, name, options) =>
    niivue.NVImage.loadFromBase64({ base64: byId(id).textContent.trim(), name, ...options });

  // Both lie on one grid, so that one place is one place at either visit.
  function follow(from, mm) {
    canvases[from].dataset.at = Array.from(mm).slice(0, 3).map((v) => v.toFixed(1)).join(" ");
    readout.textContent = `Crosshair at ${words(mm)} mm of the first visit`;
    if (leading) return;
    leading = true;
    const other = viewers[1 - from];
    other.scene.crosshairPos = other.mm2frac(Array.from(mm).slice(0, 3), 0, true);
    other.drawScene();
    other.createOnLocationChange();
    leading = false;
  }

  async function start() {
    readout.textContent = "Loading the images…";
    const made = [make(), make()];
    for (const [n, nv] of made.entries()) {
      await nv.attachToCanvas(canvases[n]);
      const [low, high] = settings.windows[n];
      nv.addVolume(await volume(`image-${n}`, "image.nii.gz", {
        colormap: "gray", cal_min: low, cal_max: high,
      }));
      const edema = await volume(`edema-${n}`, "edema.nii.gz", { opacity: 0.45 });
      edema.setColormapLabel({
        R: [0, 255], G: [0, 176], B: [0, 0], A: [0, 255], I: [0, 1], labels: ["", "edema"],
      });
      nv.addVolume(edema);
    }
    viewers = made;
    for (const [n, nv] of viewers.entries()) nv.onLocationChange = (place) => follow(n, place.mm);
    paint();
    layout();
    viewers[0].scene.crosshairPos = viewers[0].mm2frac(settings.start, 0, true);
    viewers[0].drawScene();
    viewers[0].createOnLocationChange();
    for (const canvas of canvases) canvas.dataset.ready = "yes";
  }

  function paint() {
    const strength = byId("show-edema").checked ? byId("strength").value / 100 : 0;
    for (const nv of viewers) nv.setOpacity(1, strength);
  }

  function layout() {
    for (const nv of viewers) {
      const types = {
        axial: nv.sliceTypeAxial, coronal: nv.sliceTypeCoronal, sagittal: nv.sliceTypeSagittal,
      };
      nv.setSliceType(types[byId("layout").value]);
    }
  }

  for (const id of ["show-edema", "strength"]) byId(id).addEventListener("input", paint);
  byId("layout").addEventListener("change", layout);
  new IntersectionObserver((seen, observer) => {
    if (!seen.some((one) => one.isIntersecting)) return;
    observer.disconnect();
    start().catch((error) => {
      fail();
      throw error;
    });
  }, { rootMargin: "200px" }).observe(view);
})();
