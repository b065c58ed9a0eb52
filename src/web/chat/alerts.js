// Sound and notifications for messages that nobody looks at. Both are off until the user turns them on.

import { $, announce } from "./dom.js";
import { brandTitle, say } from "./words.js";

const KINDS = ["sound", "alerts"];
const STORE = "flashgate.";
/** Hertz and seconds of the two notes. */
const NOTES = [[660, 0], [880, 0.12]];

let player = null;

/** Whether a kind is on, in this browser. */
function isOn(kind) {
    try {
        return localStorage.getItem(STORE + kind) === "on" && (kind === "sound" || Notification.permission === "granted");
    } catch {
        return false;
    }
}

function turn(kind, on) {
    try {
        localStorage.setItem(STORE + kind, on ? "on" : "off");
    } catch {
        // Switched off by the user: there is no place to remember it.
    }
    draw();
}

/** Browsers allow notifications on pages that came by https or from the same machine, and not in a frame. */
function isPossible(kind) {
    const known = kind === "sound" ? "AudioContext" in window : "Notification" in window;
    return known && (kind === "sound" || (isSecureContext && window.top === window));
}

function draw() {
    for (const kind of KINDS) {
        const button = $(`${kind}-button`);
        button.hidden = !isPossible(kind);
        button.classList.toggle("on", isOn(kind));
        const text = say(`${kind}${isOn(kind) ? "Off" : "On"}`);
        button.title = text;
        button.setAttribute("aria-label", text);
    }
}

async function clicked(kind) {
    if (isOn(kind)) {
        turn(kind, false);
    } else if (kind === "sound") {
        turn(kind, true);
        play();
    } else if ((await Notification.requestPermission()) === "granted") {
        turn(kind, true);
    } else {
        announce(say("alertsDenied"));
        $("alerts-note").textContent = say("alertsDenied");
    }
}

/** Two short notes, made here: nothing to load. */
function play() {
    player ??= new AudioContext();
    player.resume();
    for (const [frequency, after] of NOTES) {
        const start = player.currentTime + after;
        const volume = new GainNode(player, { gain: 0 });
        const note = new OscillatorNode(player, { frequency });
        volume.gain.setValueAtTime(0.12, start);
        volume.gain.exponentialRampToValueAtTime(0.001, start + 0.25);
        note.connect(volume).connect(player.destination);
        note.start(start);
        note.stop(start + 0.25);
    }
}

/** Something has come that the user does not see; `text` says what. What a message says stays on the page. */
export function alertTo(thread, text, open) {
    if (isOn("sound") && isPossible("sound")) {
        play();
    }
    if (!isPossible("alerts") || !isOn("alerts") || document.visibilityState === "visible") {
        return;
    }
    try {
        const options = { body: text, tag: thread.nick, icon: $("talk-mark").src };
        const shown = new Notification(brandTitle, options);
        shown.addEventListener("click", () => {
            window.focus();
            shown.close();
            open(thread.nick);
        });
    } catch {
        // Chrome on Android has them for pages with a service worker only.
        turn("alerts", false);
        $("alerts-button").hidden = true;
    }
}

/** Makes the buttons work. */
export function beginAlerts() {
    for (const kind of KINDS) {
        $(`${kind}-button`).addEventListener("click", () => clicked(kind));
    }
    draw();
}
