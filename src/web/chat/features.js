// What the server offers, by its answer to HELLO. What it does not list, the page does not offer.

import { settings } from "./settings.js";

let offered = new Set();

/** Whether the server has this: `nick`, `me`, `rooms`, `guests`. */
export function offers(feature) {
    return offered.has(feature);
}

/** Takes the list of an answer; elements with `data-offer` are shown where their feature is in it. */
export function setOffers(features) {
    offered = new Set(features);
    for (const element of document.querySelectorAll("[data-offer]")) {
        element.hidden = !offers(element.dataset.offer);
    }
}

/** Before the first answer to HELLO: whether guests are let in, which the login card has to know. The server writes it into the page. */
export function beginOffers() {
    setOffers(settings.guests ? ["guests"] : []);
}
