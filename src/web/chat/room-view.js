// What an open room has beside its lines: the head with its topic, the way back in after a kick, and the panel with
// topic and members.

import { $, alike, arrange, avatar, fault, isolated, keepStop, make, nameOf, rove } from "./dom.js";
import { explain } from "./errors.js";
import { say } from "./words.js";

/** The number of rows shown, as each costs the browser; further people are found by searching. */
const MAX_ROWS = 200;
const SEARCH_FROM = 12;

/** On a screen this wide the panel is beside the conversation; on others it covers it. */
const wide = matchMedia("(min-width: 1180px)");
const byName = new Intl.Collator(undefined, { numeric: true });

export class RoomView {
    #conversations;
    #lobby;
    #actions;
    #room = null;
    #connected = false;
    /** Whether the user wants to see the panel. */
    #isWanted = wide.matches;
    #rows = new Map();
    /** The member whose actions are shown, in a room of the user's own. */
    #chosen = null;

    /** `actions` are `write(person)`, `cover()` and `uncover()`: the panel lies over the conversation, or ends to. */
    constructor(conversations, lobby, actions) {
        this.#conversations = conversations;
        this.#lobby = lobby;
        this.#actions = actions;
        $("panel-button").addEventListener("click", () => this.#toggle());
        $("panel-close").addEventListener("click", () => this.#close());
        $("panel").addEventListener("keydown", (event) => this.#key(event));
        wide.addEventListener("change", () => this.#covering());
        $("leave").addEventListener("click", () => this.#leave());
        $("topic-edit").addEventListener("click", () => this.#editTopic(true));
        $("topic-cancel").addEventListener("click", () => this.#editTopic(false));
        $("topic-form").addEventListener("submit", (event) => {
            event.preventDefault();
            this.#saveTopic();
        });
        rove($("members"), ".member");
        $("members").addEventListener("click", ({ target }) => this.#clicked(target.closest(".member")));
        $("member-search").addEventListener("input", () => this.#drawPanel());
        $("member-write").addEventListener("click", () => this.#write(this.#chosen));
        $("kick-form").addEventListener("submit", (event) => {
            event.preventDefault();
            this.#kick();
        });
        $("rejoin").addEventListener("submit", (event) => {
            event.preventDefault();
            this.#rejoin();
        });
        $("forget-room").addEventListener("click", () => this.#lobby.forget(this.#room));
    }

    /** Draws the head and the panel of this room; `null`, for a private conversation, hides both. */
    draw(room, connected) {
        if (room !== this.#room) {
            this.#room = room;
            this.#chosen = null;
            this.#rows.clear();
            $("member-search").value = "";
            $("rejoin-key").value = "";
            fault("rejoin-key", "");
            $("leave-error").textContent = "";
            this.#endTopic();
            if (!wide.matches) {
                this.#isWanted = false;
            }
        }
        this.#connected = connected;
        const isOut = room?.state === "out";
        const isShown = Boolean(room) && this.#isWanted && !isOut;
        if (!isShown && $("panel").contains(document.activeElement)) {
            $("panel-button").hidden = !room;
            $("panel-button").focus();
        }
        $("panel").hidden = !isShown;
        $("panel-button").hidden = !room || isOut;
        $("panel-button").setAttribute("aria-expanded", String(isShown));
        $("rejoin").hidden = !isOut;
        this.#covering();
        if (room) {
            this.#drawHead();
            $("rejoin-why").textContent = room.why || say(room.isKeyed ? "keyNeeded" : "notInRoom", { room: isolated(room.name) });
            $("rejoin-key").parentElement.hidden = !room.isKeyed;
            if (isShown) {
                this.#drawPanel();
            }
        }
    }

    /** Whether the panel lies over the conversation, so that it must be closed to see it. */
    get covers() {
        return !$("panel").hidden && !wide.matches;
    }

    /** Closes a panel that lies over the conversation. */
    uncover() {
        this.#isWanted = false;
        this.draw(this.#room, this.#connected);
        $("panel-button").focus();
    }

    #covering() {
        $("talk-column").inert = this.covers;
    }

    #toggle() {
        if ($("panel").hidden) {
            this.#isWanted = true;
            this.draw(this.#room, this.#connected);
            if (this.covers) {
                this.#actions.cover();
                $("panel-title").focus();
            }
        } else {
            this.#close();
        }
    }

    #close() {
        if (this.covers) {
            this.#actions.uncover();
        } else {
            this.uncover();
        }
    }

    #key(event) {
        if (event.key === "Escape" && !event.isComposing) {
            event.stopPropagation();
            if (this.#chosen !== null && $("member-acts").contains(event.target)) {
                const row = this.#rows.get(this.#chosen);
                this.#choose(null);
                row?.firstElementChild.focus();
            } else if ($("topic-form").contains(event.target)) {
                this.#editTopic(false);
            } else {
                this.#close();
            }
        }
    }

    #drawHead() {
        const { name, topic, state, count } = this.#room;
        const n = say("roomCount", { n: count });
        const status = !this.#connected ? say("noConnection") : state === "in" ? "" : say(state === "lost" ? "joining" : "notInRoom");
        const looks = JSON.stringify([name, topic, status, n]);
        const head = $("talk-head");
        if (head.dataset.looks === looks) {
            return;
        }
        head.dataset.looks = looks;
        const title = make("h2", "talk-name");
        title.append(nameOf(this.#room));
        const line = make("p", "talk-status");
        line.append(status || make("bdi", "", topic || say("noTopic")));
        line.title = topic;
        const words = make("div", "talk-words");
        words.append(title, line);
        head.replaceChildren(avatar(this.#room), words);
        const many = make("span", "unseen", ` ${say("membersOf", { room: isolated(name) })}`);
        $("panel-button").replaceChildren(n, many);
    }

    // The panel.

    #drawPanel() {
        const room = this.#room;
        const isOwner = room.owner === this.#conversations.me.nick;
        const topic = $("panel-topic").firstElementChild;
        if (topic.textContent !== (room.topic || say("noTopic"))) {
            topic.textContent = room.topic || say("noTopic");
        }
        $("topic-edit").hidden = !isOwner || !$("topic-form").hidden;
        if (!isOwner) {
            this.#endTopic();
        }
        $("members-heading").textContent = say("members", { n: room.count });
        const wanted = $("member-search").value.trim().toLocaleLowerCase();
        const found = [...room.members.values()]
            .filter(({ nick, name }) => `${name}\n${nick}`.toLocaleLowerCase().includes(wanted))
            .sort((a, b) => (b.nick === room.owner) - (a.nick === room.owner) || byName.compare(a.name, b.name));
        const shown = found.slice(0, MAX_ROWS);
        if (!isOwner || !shown.some(({ nick }) => nick === this.#chosen)) {
            this.#chosen = null;
        }
        this.#drawMembers(shown, isOwner);
        $("member-search-box").hidden = room.members.size < SEARCH_FROM && wanted === "";
        const more = found.length - shown.length + (wanted === "" ? room.more : 0);
        $("members-note").textContent = more > 0 ? say("moreMembers", { n: more }) : found.length === 0 ? say("nobodyFound") : "";
        for (const button of [$("leave"), $("topic-edit"), $("member-write")]) {
            button.disabled = !this.#connected;
        }
    }

    #drawMembers(shown, isOwner) {
        const list = $("members");
        const focused = document.activeElement;
        const nicks = new Set(shown.map(({ nick }) => nick));
        for (const nick of this.#rows.keys()) {
            if (!nicks.has(nick)) {
                this.#rows.delete(nick);
            }
        }
        const acts = $("member-acts");
        if (this.#chosen === null && list.contains(acts)) {
            acts.hidden = true;
            $("panel").insertBefore(acts, $("leave-error"));
        }
        arrange(list, shown.map((person) => this.#member(person, isOwner)));
        keepStop(list, ".member");
        if (focused?.isConnected && document.activeElement !== focused) {
            focused.focus({ preventScroll: true });
        }
    }

    #member(person, isOwner) {
        const { nick, name } = person;
        let item = this.#rows.get(nick);
        if (!item) {
            item = make("li");
            const row = make("button", "member");
            row.type = "button";
            row.tabIndex = -1;
            row.dataset.nick = nick;
            item.append(row);
            this.#rows.set(nick, item);
        }
        const isMe = nick === this.#conversations.me.nick;
        const opens = isOwner && !isMe;
        const row = item.firstElementChild;
        const looks = JSON.stringify([name, isMe, nick === this.#room.owner, opens, nick === this.#chosen]);
        if (row.dataset.looks !== looks) {
            row.dataset.looks = looks;
            const words = make("span", "member-name");
            words.append(nameOf(person));
            if (alike(nick) !== alike(name)) {
                words.append(" ", make("bdi", "alias", nick));
            }
            row.replaceChildren(avatar(person), words);
            const tags = [nick === this.#room.owner && "owner", isMe && "you"].filter(Boolean);
            row.append(...tags.flatMap((tag) => [" ", make("span", "tag", say(tag))]));
            if (opens) {
                row.setAttribute("aria-expanded", String(nick === this.#chosen));
            } else {
                row.removeAttribute("aria-expanded");
            }
        }
        if (nick === this.#chosen && item.children.length === 1) {
            $("member-acts").hidden = false;
            item.append($("member-acts"));
        }
        return item;
    }

    #clicked(row) {
        if (!row) {
            return;
        }
        const { nick } = row.dataset;
        const { me } = this.#conversations;
        if (this.#room.owner === me.nick && nick !== me.nick) {
            this.#choose(nick === this.#chosen ? null : nick);
        } else {
            this.#write(nick);
        }
    }

    #choose(nick) {
        this.#chosen = nick;
        $("kick-reason").value = "";
        fault("kick-reason", "");
        this.#drawPanel();
    }

    #write(nick) {
        const person = this.#room.members.get(nick);
        if (person) {
            this.#actions.write(person);
        }
    }

    async #kick() {
        const nick = this.#chosen;
        const room = this.#room;
        try {
            await this.#lobby.kick(room.nick, nick, $("kick-reason").value.trim());
            if (room === this.#room) {
                $("members-heading").focus();
            }
        } catch (error) {
            fault("kick-reason", explain(error));
        }
    }

    #editTopic(isOn) {
        this.#endTopic();
        $("topic-form").hidden = !isOn;
        $("panel-topic").hidden = $("topic-edit").hidden = isOn;
        if (isOn) {
            $("topic-text").value = this.#room.topic;
            $("topic-text").focus();
        } else {
            $("topic-edit").focus();
        }
    }

    #endTopic() {
        fault("topic-text", "");
        $("topic-form").hidden = true;
        $("panel-topic").hidden = false;
    }

    async #saveTopic() {
        try {
            await this.#lobby.setTopic(this.#room.nick, $("topic-text").value);
            this.#editTopic(false);
        } catch (error) {
            fault("topic-text", explain(error));
        }
    }

    async #leave() {
        try {
            await this.#lobby.leave(this.#room);
        } catch (error) {
            $("leave-error").textContent = explain(error);
        }
    }

    async #rejoin() {
        try {
            await this.#lobby.join(this.#room.nick, $("rejoin-key").value.trim());
            $("rejoin-key").value = "";
        } catch (error) {
            this.draw(this.#room, this.#connected);
            fault("rejoin-key", explain(error));
        }
    }
}
