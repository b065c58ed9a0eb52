// The right pane: one conversation or room, and the box that messages are written in.

import { commandOf } from "./commands.js";
import { $, announce, arrange, avatar, hasOtherNick, isolated, make, nameOf } from "./dom.js";
import { Lines } from "./lines.js";
import { bytesLeft } from "./protocol.js";
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
    #lines;
    /** The error of the last typed command, if it failed. */
    #failure = "";

    /**
     * `actions` are `send(thread, text)`, `run(thread, command)`, which may reject with what to say, `discard(thread,
     * item)`, `back()` and `changed()`.
     */
    constructor(conversations, actions) {
        this.#conversations = conversations;
        this.#actions = actions;
        this.#lines = new Lines(conversations, actions);
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

    /** Shows the conversation with this person or in this room, or none. */
    open(person) {
        this.#person = person;
        this.#failure = "";
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
        const { newLine } = this.#lines;
        if (newLine.parentElement === log && newLine.offsetTop < log.scrollTop + log.offsetTop) {
            newLine.scrollIntoView({ block: "start" });
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
        if (!person.isRoom) {
            // `room-view.js` draws the head of a room.
            this.#drawHead(person, self);
        }
        const log = $("log");
        log.setAttribute("aria-label", say(person.isRoom ? "roomLog" : "talkWith", { name: isolated(person.name) }));
        const focusWasInside = log.contains(document.activeElement) && document.activeElement !== log;
        const { items } = person;
        arrange(log, items.length === 0 ? [this.#beginning(person, self)] : this.#lines.of(person, this.#connected));
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
        if (person.isRoom) {
            note.append(...sayNodes("beginRoom", { room: nameOf(person) }));
        } else if (self) {
            note.textContent = say("beginSelf");
        } else {
            note.append(...sayNodes("begin", { name: nameOf(person) }));
        }
        return note;
    }

    #typed() {
        const box = $("text");
        this.#person.draft = box.value;
        this.#failure = "";
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
        const command = commandOf(text);
        const obstacle = this.#obstacle(command);
        if (obstacle) {
            announce(obstacle);
            $("text").focus();
            return;
        }
        $("text").value = "";
        this.#typed();
        if (command) {
            this.#run(command, text);
            return;
        }
        this.#actions.send(this.#person, text);
        this.#scrollToEnd();
        $("text").focus();
    }

    /** A command that fails goes back into the box, with the reason below it. */
    async #run(command, text) {
        const person = this.#person;
        try {
            await this.#actions.run(person, command);
        } catch (failure) {
            announce(failure.message);
            person.draft ||= text;
            if (this.#person === person) {
                $("text").value = person.draft;
                this.#typed();
                this.#failure = failure.message;
                this.#hint();
            }
        }
    }

    /** Why nothing can be sent now, or "". */
    #obstacle(command) {
        const over = -bytesLeft(this.#person.nick, $("text").value.trim());
        if (!this.#connected) {
            return say("offlineHint");
        }
        if (command) {
            return "";
        }
        if (this.#person.isRoom && !this.#person.online) {
            return say(this.#person.state === "lost" ? "joining" : "notInRoomHint");
        }
        if (!this.#person.online) {
            return say("leftHint", { name: isolated(this.#person.name) });
        }
        return over > 0 ? say("tooLong", { n: over }) : "";
    }

    #hint() {
        const text = $("text").value.trim();
        const left = bytesLeft(this.#person.nick, text);
        const obstacle = this.#obstacle(commandOf(text));
        const soon = left < SHOW_LEFT_BELOW ? say("bytesLeft", { n: left }) : "";
        // A room that the user is not in shows a notice above the box.
        const isSaid = text === "" && this.#person.isRoom && this.#person.state === "out";
        $("hint").textContent = this.#failure || (isSaid ? "" : obstacle) || soon;
        $("hint").classList.toggle("alarm", left < 0 || this.#failure !== "");
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
