// The login card: its form, what it says, and what stands there instead of the form. The parts lie over
// each other, so that nothing on the card moves when one takes the other's place.

import { $, announce, fault, make } from "./dom.js";
import { settings } from "./settings.js";
import { siteHost } from "./ticket.js";
import { say } from "./words.js";

const PARTS = ["login-form", "login-wait", "offer"];

/** Shows one part of the card. */
export function showPart(part) {
    for (const id of PARTS) {
        $(id).hidden = id !== part && id !== "login-form";
    }
    // The form keeps its place.
    $("login-form").classList.toggle("away", part !== "login-form");
}

/** Says something above the form, in place of the usual line; "" for nothing. */
export function notice(text) {
    $("login-notice").textContent = text;
    $("login-notice").hidden = text === "";
    $("tagline").classList.toggle("away", text !== "");
    if (text !== "") {
        announce(text);
    }
}

/** Where to type first. */
export function focusForm() {
    $($("login-id").value === "" ? "login-id" : "login-password").focus();
}

/**
 * Asks whether to log in by a ticket that came in the address: anybody can send a link, and it might log
 * the visitor in as another member.
 */
export function offer({ id }) {
    $("offer-name").textContent = /^\d+$/.test(id) ? say("member", { id }) : id;
    showPart("offer");
    // Not on a button, which a key that was meant for something else would press.
    $("offer-title").focus();
}

/** The members of a demo, whose passwords are no secret, and the way in by the visitor's web site. */
export function drawWays() {
    // Browsers take the machine itself for safe without https; so is what stays on it.
    $("plain").hidden = location.protocol === "https:" || isSecureContext;
    $("site-login").hidden = siteHost === null;
    $("site-host").textContent = siteHost;
    $("demo").hidden = settings.demo.length === 0;
    $("demo-members").replaceChildren(...settings.demo.map(({ nick, password }) => {
        const button = make("button", "secondary small", nick);
        button.type = "button";
        button.append(" ", make("code", "", password));
        button.addEventListener("click", () => {
            $("login-id").value = nick;
            $("login-password").value = password;
            fault("login-id", "");
            fault("login-password", "");
            $("login-button").focus();
        });
        const item = make("li");
        item.append(button);
        return item;
    }));
}
