// The right pane: one conversation, and the box that messages are written in.

import { $, announce, arrange, avatar, hasOtherNick, isolated, make, nameOf } from "./dom.js";
import { linked } from "./links.js";
import { bytesLeft, typed } from "./protocol.js";
import { say, sayNodes } from "./words.js";

/** From how many bytes left on the count is shown. */
const SHOW_LEFT_BELOW = 500;
/** A user who has scrolled up further than this is reading, and is not pulled down. */
const NEAR_THE_END = 80;

export class Talk {
    #conversations;
    #actions;
    #person = null;
    #connected = false;
    /** The end is kept in sight, through new messages and when the log gets lower. */
    #pinned = true;
    #elements = new WeakMap();
    #newLine = make("p", "new-line", say("newLine"));

    /** `actions` are `send(person, text)`, `discard(person, item)`, `back()` and `changed()`. */
    constructor(conversations, actions) {
        this.#conversations = conversations;
        this.#actions = actions;
        $("composer").addEventListener("submit", (event) => {
            event.preventDefault();
            this.#send();
        });
        $("text").addEventListener("input", () => this.#typed());
        $("text").addEventListener("keydown", (event) => {
            // While an input method composes, Enter belongs to it.
            if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
                event.preventDefault();
                this.#send();
            }
        });
        $("conversation").addEventListener("keydown", (event) => {
            if (event.key === "Escape" && !event.isComposing) {
                this.#actions.back();
            }
        });
        $("back").addEventListener("click", () => this.#actions.back());
        $("log").addEventListener("scroll", () => this.#scrolled(), { passive: true });
        $("to-end").addEventListener("click", () => {
            this.#scrollToEnd();
            $("text").focus();
        });
        new ResizeObserver(() => this.#pinned && this.#scrollToEnd()).observe($("log"));
    }

    /** Whether the newest message is in sight. */
    get isAtEnd() {
        return this.#pinned;
    }

    get nick() {
        return this.#person?.nick ?? null;
    }

    /** Shows the conversation with this person, or none. */
    open(person) {
        this.#person = person;
        $("nobody").hidden = person !== null;
        $("talk").hidden = person === null;
        const log = $("log");
        if (!person) {
            log.replaceChildren();
            $("text").value = "";
            return;
        }
        // A live region would read out the whole conversation, which is not new.
        log.setAttribute("aria-live", "off");
        log.replaceChildren();
        this.draw();
        this.#scrollToEnd();
        this.#showNew();
        setTimeout(() => log.setAttribute("aria-live", "polite"), 100);
        $("text").value = person.draft;
        this.#typed();
    }

    /** More that is new than fits: its beginning is where the user goes on reading. */
    #showNew() {
        const log = $("log");
        if (this.#newLine.parentElement === log && this.#newLine.offsetTop < log.scrollTop + log.offsetTop) {
            this.#newLine.scrollIntoView({ block: "start" });
            this.#pinned = false;
            this.arrived();
        }
    }

    /** Whether messages can go out. */
    setConnected(connected) {
        this.#connected = connected;
        this.draw();
    }

    draw() {
        const person = this.#person;
        if (!person) {
            return;
        }
        const self = person.nick === this.#conversations.me.nick;
        this.#drawHead(person, self);
        const log = $("log");
        log.setAttribute("aria-label", say("talkWith", { name: isolated(person.name) }));
        const focusWasInside = log.contains(document.activeElement) && document.activeElement !== log;
        arrange(log, person.items.length === 0 ? [this.#beginning(person, self)] : this.#lines(person));
        if (focusWasInside && !log.contains(document.activeElement)) {
            $("text").focus();
        }
        if (this.#pinned) {
            this.#scrollToEnd();
        }
        this.#hint();
    }

    /** Something new stands at the end. A button says so to a user who reads further up. */
    arrived() {
        $("to-end").hidden = this.#pinned;
    }

    #drawHead(person, self) {
        const status = !this.#connected ? "noConnection"
            : self ? "selfStatus" : person.online ? "isOnline" : "hasLeft";
        const looks = JSON.stringify([person.nick, person.name, status]);
        const head = $("talk-head");
        if (head.dataset.looks === looks) {
            return;
        }
        head.dataset.looks = looks;
        const title = make("h2", "talk-name");
        title.append(nameOf(person));
        const line = make("p", "talk-status");
        if (hasOtherNick(person)) {
            line.append(make("bdi", "talk-nick", person.nick), " · ");
        }
        line.append(make("span", `status-${status}`, say(status)));
        const words = make("div", "talk-words");
        words.append(title, line);
        head.replaceChildren(avatar(person), words);
    }

    #beginning(person, self) {
        const note = make("p", "beginning");
        if (self) {
            note.textContent = say("beginSelf");
        } else {
            note.append(...sayNodes("begin", { name: nameOf(person) }));
        }
        return note;
    }

    /** The elements of all items, and the line before the first one that is new. */
    #lines(person) {
        const { items, newFrom } = person;
        return items.flatMap((item, index) => {
            const before = item === newFrom ? undefined : items[index - 1];
            const element = this.#element(person, item, before);
            // By style alone: a screen reader would read a line again that gets or loses an element.
            element.classList.toggle("untimed", isGroup(item, items[index + 1]) && items[index + 1] !== newFrom);
            return item === newFrom ? [this.#newLine, element] : [element];
        });
    }

    #element(person, item, before) {
        let element = this.#elements.get(item);
        if (!element) {
            element = make("div");
            this.#elements.set(item, element);
        }
        const joined = !item.note && before && !before.note && before.mine === item.mine;
        const looks = JSON.stringify([item, joined, this.#connected, person.name]);
        if (element.dataset.looks !== looks) {
            element.dataset.looks = looks;
            this.#paint(element, person, item, joined);
        }
        return element;
    }

    #paint(element, person, item, joined) {
        if (item.note) {
            element.className = "note";
            element.replaceChildren(...noteOf(person, item.note));
            return;
        }
        element.className = `message ${item.mine ? "mine" : "theirs"} ${item.state}${joined ? " joined" : ""}`;
        const who = make("span", "unseen");
        const own = say("yours", { text: "" }).trim();
        who.append(...(item.mine ? [own, " "] : [nameOf(person), ": "]));
        const text = make("p", item.action ? "bubble action" : "bubble");
        text.dir = "auto";
        if (item.action) {
            text.append(nameOf(item.mine ? this.#conversations.me : person), " ");
        }
        text.append(...linked(item.text));
        const foot = make("p", "foot");
        if (item.state === "failed") {
            foot.append(make("span", "failure", item.why ?? say("unconfirmed")));
            foot.append(this.#button(say("sendAgain"), !this.#connected, () => {
                this.#actions.discard(person, item);
                this.#actions.send(person, typed(item));
                $("text").focus();
            }));
            foot.append(this.#button(say("discard"), false, () => this.#actions.discard(person, item)));
        } else {
            const time = make("time", "", item.state === "sending" ? say("sending") : minute(item));
            time.title = item.time;
            foot.append(time);
        }
        // An action begins with the name.
        element.replaceChildren(...(item.action ? [text, foot] : [who, text, foot]));
    }

    #button(text, disabled, act) {
        const button = make("button", "link", text);
        button.type = "button";
        button.disabled = disabled;
        button.addEventListener("click", act);
        return button;
    }

    #typed() {
        const box = $("text");
        this.#person.draft = box.value;
        // The box grows with its text; the style sheet says how far.
        box.style.height = "auto";
        box.style.height = `${box.scrollHeight + box.offsetHeight - box.clientHeight}px`;
        this.#hint();
        this.#actions.changed();
    }

    #send() {
        const text = $("text").value.trim();
        if (text === "") {
            return;
        }
        const obstacle = this.#obstacle();
        if (obstacle) {
            announce(obstacle);
            $("text").focus();
            return;
        }
        $("text").value = "";
        this.#typed();
        this.#actions.send(this.#person, text);
        this.#scrollToEnd();
        $("text").focus();
    }

    /** Why nothing can be sent now, or "". */
    #obstacle() {
        const over = -bytesLeft(this.#person.nick, $("text").value.trim());
        if (!this.#connected) {
            return say("offlineHint");
        }
        if (!this.#person.online) {
            return say("leftHint", { name: isolated(this.#person.name) });
        }
        return over > 0 ? say("tooLong", { n: over }) : "";
    }

    #hint() {
        const text = $("text").value.trim();
        const left = bytesLeft(this.#person.nick, text);
        const obstacle = this.#obstacle();
        const soon = left < SHOW_LEFT_BELOW ? say("bytesLeft", { n: left }) : "";
        $("hint").textContent = obstacle || soon;
        $("hint").classList.toggle("alarm", left < 0);
        $("text").setAttribute("aria-invalid", String(left < 0));
        $("send").setAttribute("aria-disabled", String(text === "" || obstacle !== ""));
    }

    #scrolled() {
        const log = $("log");
        const wasPinned = this.#pinned;
        this.#pinned = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_THE_END;
        if (this.#pinned && !wasPinned) {
            $("to-end").hidden = true;
            this.#actions.changed();
        }
    }

    #scrollToEnd() {
        const log = $("log");
        this.#pinned = true;
        log.scrollTop = log.scrollHeight;
        $("to-end").hidden = true;
    }
}

/** The time of a message as it is shown. */
function minute({ time }) {
    return time.slice(0, 5);
}

/** Whether two lines in a row are of one sender and one minute, which is shown below the last of them. */
function isGroup(item, next) {
    return Boolean(next) && !item.note && !next.note && item.mine === next.mine && item.state === "sent"
        && (next.state === "sending" || (next.state === "sent" && minute(item) === minute(next)));
}

/** What a note says: of the person, or of the connection. */
function noteOf(person, note) {
    return sayNodes(note, { name: nameOf(person) });
}
