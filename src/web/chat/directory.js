// The right pane where rooms are chosen: all rooms of the server, and the forms that create one or join by name.

import { $, announce, arrange, fault, isolated, keepStop, make, nameOf, rove } from "./dom.js";
import { explain } from "./errors.js";
import { roomName } from "./protocol.js";
import { say } from "./words.js";

/** The number of rows shown; further rooms are found by searching. */
const MAX_ROWS = 200;
const SEARCH_FROM = 8;
/** These errors are about the key, all others about the name. */
const ABOUT_KEY = ["Wrong key."];

export class Directory {
    #lobby;
    #conversations;
    #rooms = [];
    #rows = new Map();
    /** The room that asks for a key, and the form in which it does. */
    #asks = null;
    #keyForm = keyForm();

    /** `back` leads to the list of people. */
    constructor(lobby, conversations, back) {
        this.#lobby = lobby;
        this.#conversations = conversations;
        rove($("room-list"), ".room-row");
        $("room-list").addEventListener("click", ({ target }) => {
            const row = target.closest(".room-row");
            if (row) {
                this.#join(row.dataset.room, "");
            }
        });
        this.#keyForm.addEventListener("submit", (event) => {
            event.preventDefault();
            this.#join(this.#asks, this.#key.value.trim());
        });
        $("room-search").addEventListener("input", () => this.#draw());
        $("directory-refresh").addEventListener("click", () => this.#refresh());
        $("directory-back").addEventListener("click", back);
        $("room-search").addEventListener("keydown", (event) => {
            if (event.key === "ArrowDown") {
                event.preventDefault();
                $("room-list").querySelector(".room-row")?.focus();
            } else if (event.key === "Escape" && $("room-search").value !== "") {
                event.stopPropagation();
            }
        });
        $("create-form").addEventListener("submit", (event) => {
            event.preventDefault();
            const isHidden = $("create-hidden").checked;
            this.#byForm("create", (name, key) => this.#lobby.create(name, key, isHidden));
        });
        $("join-form").addEventListener("submit", (event) => {
            event.preventDefault();
            this.#byForm("join", (name, key) => this.#lobby.join(name, key));
        });
    }

    get #key() {
        return this.#keyForm.querySelector("input");
    }

    get isOpen() {
        return !$("directory").hidden;
    }

    open() {
        $("directory").hidden = false;
        this.#asks = null;
        this.#refresh();
    }

    close() {
        $("directory").hidden = true;
    }

    /** Draws the list again after a change of the user's rooms. */
    draw() {
        if (this.isOpen) {
            this.#draw();
        }
    }

    async #refresh() {
        try {
            this.#rooms = await this.#lobby.list();
            this.#draw();
        } catch (error) {
            $("room-note").textContent = explain(error);
        }
    }

    #draw() {
        const focused = document.activeElement;
        const wanted = $("room-search").value.trim().toLocaleLowerCase();
        const found = this.#rooms.filter(({ name, topic }) => `${name}\n${topic}`.toLocaleLowerCase().includes(wanted));
        const shown = found.slice(0, MAX_ROWS);
        const names = new Set(shown.map(({ name }) => name));
        for (const name of this.#rows.keys()) {
            if (!names.has(name)) {
                this.#rows.delete(name);
            }
        }
        arrange($("room-list"), shown.map((room) => this.#row(room)));
        keepStop($("room-list"), ".room-row");
        if (focused?.isConnected && document.activeElement !== focused) {
            focused.focus({ preventScroll: true });
        }
        $("room-search-box").hidden = this.#rooms.length < SEARCH_FROM && wanted === "";
        const more = found.length - shown.length;
        const none = this.#rooms.length === 0 ? say("noRooms") : found.length === 0 ? say("noRoomFound") : "";
        const note = more > 0 ? say("moreRooms", { n: more }) : none;
        if ($("room-note").textContent !== note) {
            $("room-note").textContent = note;
        }
    }

    #row(room) {
        const { name, topic, here } = room;
        let item = this.#rows.get(name);
        if (!item) {
            item = make("li");
            const row = make("button", "room-row");
            row.type = "button";
            row.tabIndex = -1;
            row.dataset.room = name;
            item.append(row);
            this.#rows.set(name, item);
        }
        const isIn = Boolean(this.#conversations.rooms.get(name)?.online);
        const looks = JSON.stringify([topic, here, isIn]);
        const row = item.firstElementChild;
        if (row.dataset.looks !== looks) {
            row.dataset.looks = looks;
            const title = make("span", "room-title");
            title.append(nameOf({ name }));
            if (isIn) {
                title.append(make("span", "tag", say("isIn")));
            }
            row.replaceChildren(title, make("span", "room-count", say("roomCount", { n: here })));
            if (topic !== "") {
                const line = make("span", "room-topic");
                line.append(make("bdi", "", topic));
                row.append(line);
            }
        }
        if (name === this.#asks) {
            item.append(this.#keyForm);
        } else if (this.#keyForm.parentElement === item) {
            this.#keyForm.remove();
        }
        return item;
    }

    /** Joins from the list. An error is shown at the row, which may ask for a key. */
    async #join(name, key) {
        try {
            await this.#lobby.join(name, key);
            this.#asks = null;
            this.#key.value = "";
        } catch (error) {
            const isFirst = this.#asks !== name;
            const needsKey = ABOUT_KEY.includes(error.text);
            this.#asks = name;
            this.#keyForm.querySelector(".key-parts").hidden = !needsKey;
            this.#draw();
            if (!this.#keyForm.isConnected) {
                // The list has changed meanwhile.
                $("room-note").textContent = explain(error);
            } else if (isFirst && needsKey) {
                this.#key.value = "";
                fault("list-key", "");
                this.#key.focus();
                announce(say("keyNeeded", { room: isolated(name) }));
            } else {
                fault("list-key", explain(error));
            }
        }
    }

    /** Joins or creates from a form. An error is shown at its fields. */
    async #byForm(form, act) {
        const name = $(`${form}-name`).value.trim();
        const key = $(`${form}-key`).value.trim();
        fault(`${form}-key`, "");
        fault(`${form}-name`, "");
        if (/\s/.test(key)) {
            fault(`${form}-key`, say("keySpaces"));
            return;
        }
        if (name === "" || name === "#" || /\s/.test(name)) {
            fault(`${form}-name`, say(/\s/.test(name) ? "roomSpaces" : "noRoomName"));
            return;
        }
        try {
            await act(roomName(name), key);
            $(`${form}-form`).reset();
        } catch (error) {
            fault(`${form}-${ABOUT_KEY.includes(error.text) ? "key" : "name"}`, explain(error));
        }
    }
}

function keyForm() {
    const form = make("form", "key-form");
    form.noValidate = true;
    const label = make("label", "", say("roomKey"));
    label.htmlFor = "list-key";
    const input = make("input");
    Object.assign(input, { id: "list-key", maxLength: 32, autocomplete: "off", autocapitalize: "none", spellcheck: false });
    input.setAttribute("aria-describedby", "list-key-error");
    const field = make("div", "field");
    field.append(label, input);
    const button = make("button", "primary small", say("join"));
    const parts = make("div", "key-parts");
    parts.append(field, button);
    const error = make("p", "error");
    error.id = "list-key-error";
    error.setAttribute("role", "alert");
    form.append(parts, error);
    return form;
}
