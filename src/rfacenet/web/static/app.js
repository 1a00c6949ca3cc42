// The page: what a person sees and presses.

import { HistoryChart, WaveChart } from "/charts.js";
import { Measurement } from "/measurement.js";
import { fileName, offer, picture } from "/save.js";
import { Uploads } from "/uploads.js";

const at = (id) => document.getElementById(id);
const SPEAK_EVERY_MS = 5000;

const wave = new WaveChart(at("wave")), history = new HistoryChart(at("history"));
let measurement = null, method = null, startedAt = null, spokenAt = 0, last = null, lastResult = null;

function hint(text, tone) {
  if (at("hint").textContent !== text) at("hint").textContent = text;
  at("hint").dataset.tone = tone;
}

// For screen readers: seldom enough to be listened to.
function speak(text, isUrgent = false) {
  if (!isUrgent && performance.now() - spokenAt < SPEAK_EVERY_MS) return;
  spokenAt = performance.now();
  if (at("spoken").textContent !== text) at("spoken").textContent = text;
}

function lastRateText() {
  const rate = last?.heart_rate_bpm ?? null;
  return rate === null ? "No measurement yet" : `Last: ${Math.round(rate)} beats per minute, ${Math.round(100 * last.quality)} % confidence`;
}

function showRate(rate, quality) {
  const isKnown = rate !== null;
  at("rate").textContent = isKnown ? Math.round(rate) : "–";
  at("rate").classList.toggle("empty", !isKnown);
  at("beat").classList.toggle("beats", isKnown);
  if (isKnown) at("beat").style.animationDuration = `${(60 / rate).toFixed(2)}s`;
  const percent = Math.round(100 * quality);
  at("meter-fill").style.width = `${percent}%`;
  at("meter").setAttribute("aria-valuenow", percent);
  at("confidence").textContent = isKnown
    ? `${percent} % confidence: right within 3 beats a minute`
    : quality > 0 ? `${percent} % confidence: not enough to say a rate` : lastRateText();
}

function showBox(box) {
  at("box").hidden = box === null;
  if (box === null) return;
  const video = at("video"), stage = at("stage").getBoundingClientRect();
  const scale = Math.min(stage.width / video.videoWidth, stage.height / video.videoHeight);
  const width = scale * video.videoWidth, height = scale * video.videoHeight;
  const left = (stage.width - width) / 2, top = (stage.height - height) / 2;
  // The picture is shown as a mirror.
  Object.assign(at("box").style, {
    left: `${left + (1 - box.x - box.width) * width}px`, top: `${top + box.y * height}px`,
    width: `${box.width * width}px`, height: `${box.height * height}px`,
  });
}

function setState(state, text) {
  const isOn = state === "live" || state === "starting";
  const hadFocus = [at("start"), at("stop")].includes(document.activeElement);
  at("stage").dataset.state = state;
  if (text) at("cover-text").textContent = text;
  at("start").hidden = isOn;
  at("start").textContent = state === "idle" ? "Start camera" : "Start again";
  at("stop").hidden = !isOn;
  if (hadFocus) at(isOn ? "stop" : "start").focus(); // a hidden button would lose it
}

function allow(isAllowed, ...ids) {
  if (!isAllowed && ids.includes(document.activeElement?.id)) at(at("start").hidden ? "stop" : "start").focus();
  for (const id of ids) at(id).disabled = !isAllowed;
}

const shown = {
  ready() {
    setState("live");
    hint("Looking for your face.", "wait");
  },
  estimate(message) {
    if (message.fs_hz === null) return hint("Looking for your face.", "wait");
    if (message.t_s === last?.t_s) return; // nothing has come since
    last = message;
    startedAt ??= message.t_s;
    const { heart_rate_bpm: rate, quality } = message;
    showRate(rate, quality);
    wave.take(message.wave);
    history.take(message.t_s - startedAt, rate, quality);
    const text = message.hint ?? (rate === null ? "Hold still: the pulse is not clear yet." : "Good signal.");
    hint(text, rate === null ? "wait" : message.hint ? "wait" : "good");
    speak(rate === null ? text : `${Math.round(rate)} beats per minute, ${Math.round(100 * quality)} percent confidence. ${message.hint ?? ""}`);
    const speed = `${message.fs_hz.toFixed(1)} frames per second`;
    at("detail").textContent = message.dropped_frames ? `${speed}, ${message.dropped_frames} dropped` : speed;
    const hasWave = Boolean(message.wave?.value.some((value) => value !== null));
    allow(hasWave, "save-json", "save-csv", "save-picture");
  },
  box: showBox,
  stall(text) {
    showRate(null, 0);
    hint(text, "bad");
    speak(text, true);
  },
  finish() { hint("One moment: what was measured is being kept.", "wait"); },
  end(text, result) {
    lastResult = result;
    allow(Boolean(lastResult), "save-json", "save-csv");
    setState("stopped", text || "Stopped.");
    showBox(null);
    showRate(null, 0);
    at("detail").textContent = "";
    const said = [text || "Stopped.", ...(lastResult ? ["What was measured can still be saved."] : [])].join(" ");
    hint(said, text ? "bad" : "calm");
    speak(said, true);
    measurement = null;
  },
};

async function start() {
  measurement?.end();
  startedAt = last = lastResult = null;
  allow(false, "save-json", "save-csv", "save-picture");
  wave.clear();
  history.clear();
  setState("starting", "Waiting for the camera.");
  hint("Allow the camera if the browser asks.", "wait");
  measurement = new Measurement(at("video"), shown);
  method = at("method").value;
  await measurement.start(method);
}

async function saved() {
  const result = measurement ? await measurement.result() : lastResult;
  if (!result) {
    const text = "Nothing can be saved any more: the connection has ended.";
    hint(text, "bad");
    speak(text, true);
  }
  return result;
}

async function saveJson() {
  const result = await saved();
  if (result) offer(JSON.stringify(result.result), "application/json", fileName("json"));
}

async function saveCsv() {
  const result = await saved();
  if (result) offer(result.csv, "text/csv", fileName("csv"));
}

async function savePicture() {
  const rate = last?.heart_rate_bpm ?? null;
  const blob = await picture({
    rate: rate === null ? "–" : String(Math.round(rate)),
    confidence: `${Math.round(100 * (last?.quality ?? 0))} % confidence`,
    method, wave, history,
  });
  offer(blob, "image/png", fileName("png"));
}

async function listMethods() {
  const methods = await (await fetch("/api/methods")).json();
  offerMethods(at("method"), methods.filter(({ is_live }) => is_live));
  offerMethods(at("video-method"), methods);
}

function offerMethods(select, methods) {
  for (const [kind, label] of [["neural", "Networks"], ["classical", "Classical"]]) {
    const group = Object.assign(document.createElement("optgroup"), { label });
    for (const { name, source, is_default } of methods.filter((method) => method.kind === kind)) {
      const option = new Option(is_default ? `${name} (usual)` : name, name, is_default, is_default);
      option.title = source;
      group.append(option);
    }
    select.append(group);
  }
}

async function tellLimits() {
  const limits = await (await fetch("/api/limits")).json();
  at("video-limits").textContent = `Up to ${limits.max_upload_mb} MB each, ${limits.max_videos} at a time.`;
}

function tellPrivacy() {
  const { hostname } = location, isHere = ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
  if (isHere) return;
  const isOpen = location.protocol === "http:";
  at("privacy-text").textContent = isOpen
    ? `Video goes to ${hostname} unencrypted: others on the network can watch.`
    : `Video goes to ${hostname} alone, and is not kept.`;
  at("privacy").dataset.tone = isOpen ? "bad" : "good";
}

function redraw() {
  wave.draw();
  history.draw();
}

at("start").onclick = start;
at("stop").onclick = () => measurement?.finish();
at("method").onchange = () => measurement && start();
at("save-json").onclick = saveJson;
at("save-csv").onclick = saveCsv;
at("save-picture").onclick = savePicture;
new ResizeObserver(redraw).observe(at("wave"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

const uploads = new Uploads(at("jobs"), at("job-spoken"), () => at("video-method").value);
at("files").onchange = ({ target }) => { uploads.add(target.files); target.value = ""; };
at("drop").addEventListener("drop", ({ dataTransfer }) => uploads.add(dataTransfer.files));
// A file that misses its place would replace the page.
for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());
for (const [kind, isOver] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  at("drop").addEventListener(kind, () => at("drop").classList.toggle("over", isOver));
}

tellPrivacy();
await Promise.all([listMethods(), tellLimits()]);
document.documentElement.dataset.ready = "true";
