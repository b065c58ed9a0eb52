// The lines of a conversation: messages, actions and notes as elements.

import { isolated, make, nameOf } from "./dom.js";
import { linked } from "./links.js";
import { typed } from "./protocol.js";
import { say, sayNodes } from "./words.js";

/** More people than this in one note are counted, not named. */
const MAX_NAMES = 3;

export class Lines {
    /** The line before the first message that is new. */
    newLine = make("p", "new-line", say("newLine"));
    #conversations;
    #actions;
    #elements = new WeakMap();

    constructor(conversations, actions) {
        this.#conversations = conversations;
        this.#actions = actions;
    }

    /** The elements of all items, and the line before the first one that is new. */
    of(thread, connected) {
        const { items, newFrom } = thread;
        return items.flatMap((item, index) => {
            const before = item === newFrom ? undefined : items[index - 1];
            const element = this.#element(thread, item, before, connected);
            // By style alone: a screen reader would read a line again that gets or loses an element.
            element.classList.toggle("untimed", isGroup(item, items[index + 1]) && items[index + 1] !== newFrom);
            return item === newFrom ? [this.newLine, element] : [element];
        });
    }

    #element(thread, item, before, connected) {
        let element = this.#elements.get(item);
        if (!element) {
            element = make("div");
            this.#elements.set(item, element);
        }
        const joined = !item.note && before && !before.note && isOfOne(before, item);
        const looks = JSON.stringify([item, joined, connected, thread.name]);
        if (element.dataset.looks !== looks) {
            element.dataset.looks = looks;
            this.#paint(element, thread, item, joined, connected);
        }
        return element;
    }

    #paint(element, thread, item, joined, connected) {
        if (item.note) {
            element.className = `note note-${item.note}`;
            if (item.note === "moved") {
                // The note changes with every join and part; important changes are announced separately.
                element.setAttribute("aria-live", "off");
            }
            element.replaceChildren(...(notes[item.note]?.(item) ?? sayNodes(item.note, { name: nameOf(thread) })));
            return;
        }
        const { mine, from, state, action } = item;
        const sender = mine ? this.#conversations.me : from ?? thread;
        const looks = ["message", mine ? "mine" : "theirs", state, joined && "joined", item.isMention && "mention"];
        element.className = looks.filter(Boolean).join(" ");
        // In a room, the first of several messages in a row shows the sender.
        const who = make("span", from && !mine && !joined ? "sender" : "unseen");
        who.append(...(mine ? [say("yours", { text: "" }).trim(), " "] : [nameOf(sender), make("span", "unseen", ": ")]));
        const text = make("p", action ? "bubble action" : "bubble");
        text.dir = "auto";
        if (action) {
            text.append(nameOf(sender), " ");
        }
        text.append(...linked(item.text));
        // An action begins with the name.
        element.replaceChildren(...(action ? [text] : [who, text]), this.#foot(thread, item, connected));
    }

    #foot(thread, item, connected) {
        const foot = make("p", "foot");
        if (item.state === "failed") {
            foot.append(make("span", "failure", item.why ?? say("unconfirmed")));
            foot.append(this.#button(say("sendAgain"), !connected, () => {
                this.#actions.discard(thread, item);
                this.#actions.send(thread, typed(item));
                document.getElementById("text").focus();
            }));
            foot.append(this.#button(say("discard"), false, () => this.#actions.discard(thread, item)));
        } else {
            const time = make("time", "", item.state === "sending" ? say("sending") : minute(item));
            time.title = item.time;
            foot.append(time);
        }
        return foot;
    }

    #button(text, disabled, act) {
        const button = make("button", "link", text);
        button.type = "button";
        button.disabled = disabled;
        button.addEventListener("click", act);
        return button;
    }
}

/** What a note says; those of a person or of the connection are one word list entry. */
const notes = {
    moved: ({ came, went }) => [...moved(came, "joinedRoom"), " ", ...moved(went, "leftRoom")],
    renamed: ({ name, to }) => sayNodes("renamed", { name: bdi(name), nick: bdi(to) }),
    kicked: ({ who, by, reason }) => because(sayNodes("kicked", { name: bdi(who), by: bdi(by) }), reason),
    kickedMe: ({ by, reason }) => because(sayNodes("kickedMe", { by: bdi(by) }), reason),
    topic: ({ who, text }) => sayNodes(text === "" ? "topicGone" : "topicSet", { name: bdi(who), topic: bdi(text) }),
    owner: ({ who }) => (who === null ? [say("ownerMe")] : sayNodes("newOwner", { name: bdi(who) })),
    plain: ({ text }) => [text],
};

function moved(people, one) {
    if (people.length > MAX_NAMES) {
        return [say(`${one}Many`, { n: people.length })];
    }
    return people.flatMap((person, at) => [at > 0 ? " " : "", ...sayNodes(one, { name: nameOf(person) })]);
}

function because(nodes, reason) {
    return reason === "" ? nodes : [...nodes, " ", ...sayNodes("reason", { reason: bdi(reason) })];
}

function bdi(text) {
    return make("bdi", "", text);
}

/** A note as plain text, for a screen reader. */
export function spoken(key, values) {
    return say(key, Object.fromEntries(Object.entries(values).map(([place, text]) => [place, isolated(text)])));
}

/** The time of a message as it is shown. */
function minute({ time }) {
    return time.slice(0, 5);
}

function isOfOne(item, next) {
    return item.mine === next.mine && item.from?.nick === next.from?.nick;
}

/** Whether two lines in a row are of one sender and one minute, which is shown below the last of them. */
function isGroup(item, next) {
    return Boolean(next) && !item.note && !next.note && isOfOne(item, next) && item.state === "sent"
        && (next.state === "sending" || (next.state === "sent" && minute(item) === minute(next)));
}
