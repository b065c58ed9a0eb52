// Announcements of the operator, above the panes until the user has read them.

import { $, announce, make } from "./dom.js";
import { linked } from "./links.js";
import { say } from "./words.js";

/** The number of announcements shown. More would leave no space for the chat; the oldest go first. */
const MAX_SHOWN = 3;

export function showNews({ time, text }) {
    const list = $("news-list");
    const words = make("p", "news-text");
    words.dir = "auto";
    words.append(...linked(text));
    const close = make("button", "secondary small", say("dismiss"));
    close.type = "button";
    const item = make("li");
    item.append(make("time", "quiet", time.slice(0, 5)), words, close);
    close.addEventListener("click", () => {
        const next = (item.nextElementSibling ?? item.previousElementSibling)?.querySelector("button");
        item.remove();
        $("news").hidden = list.children.length === 0;
        (next ?? $("people-heading")).focus();
    });
    list.append(item);
    while (list.children.length > MAX_SHOWN) {
        list.firstElementChild.remove();
    }
    $("news").hidden = false;
    announce(`${say("announcement")}: ${text}`);
}

export function forgetNews() {
    $("news-list").replaceChildren();
    $("news").hidden = true;
}
