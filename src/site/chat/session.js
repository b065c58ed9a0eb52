// One login, kept through dropped connections until the user leaves or the server says no.
//
//     out ──logIn──► connecting ──identify──► online
//      ▲              ▲     │                   │
//      └──── no ──────┼─────┤ try again         │ dropped
//                     └── waiting ◄─────────────┘
//
// What happens is told as plain events; the words for it are the page's business. Answers of one
// connection come in the order of its commands, so the oldest open command tells what an error is about.

import { bytes, command, parse, MAX_COMMAND_BYTES } from "./protocol.js";

const SECOND = 1000;
/** The wait doubles from 1 s up to here: soon enough for a person, and easy on a server that restarts. */
const LONGEST_WAIT = 30 * SECOND;
/** The server gives its member store 10 s; a phone's network may take as long to connect. */
const LOGIN_PATIENCE = 25 * SECOND;
/** A browser does not tell a page that its network is gone; silence does. */
const CHECK_EVERY = 5 * SECOND;
const PING_AFTER = 25 * SECOND;
const DEAD_AFTER = 40 * SECOND;
/** Only a connection that lasted makes the next wait short again. */
const STEADY_AFTER = 10 * SECOND;

export class Session {
    /** `out`, `connecting`, `waiting` or `online`. */
    state = "out";
    #tell;
    #address;
    #credentials = null;
    #socket = null;
    #pending = [];
    #attempts = 0;
    #timer = 0;
    #check = 0;
    #checkedAt = 0;
    #heardAt = 0;
    #onlineAt = 0;
    #wasOnline = false;
    #me = null;

    constructor(address, tell) {
        this.#address = address;
        this.#tell = tell;
    }

    /** Logs in, and stays so. */
    logIn(id, password) {
        this.#credentials = { id, password };
        this.#attempts = 0;
        this.#wasOnline = false;
        if (bytes(command.identify(id, password)) > MAX_COMMAND_BYTES) {
            this.#end("wrong");
        } else {
            this.#connect();
        }
    }

    /** Leaves, in good order where there is a connection. */
    logOut(why) {
        this.#write(command.quit());
        this.#end(why);
    }

    /** Ends the waiting at once. */
    retryNow() {
        if (this.state === "waiting") {
            this.#connect();
        }
    }

    /** The network is back, or the page is looked at again: find out how things are. */
    wake() {
        this.retryNow();
        if (this.state === "online") {
            this.#heardAt = Math.min(this.#heardAt, Date.now() - PING_AFTER);
            this.#lookForLife();
        }
    }

    /** Sends a message; `id` comes back with its echo or its failure. False: it was not sent. */
    send(nick, text, id) {
        return this.state === "online" && this.#ask(command.message(nick, text), { kind: "message", id });
    }

    #connect() {
        this.#forgetSocket();
        this.state = "connecting";
        this.#tell({ kind: "connecting" });
        const socket = new WebSocket(this.#address);
        this.#socket = socket;
        socket.onopen = () => {
            const { id, password } = this.#credentials;
            this.#ask(command.identify(id, password), { kind: "identify" });
        };
        socket.onmessage = ({ data }) => this.#heard(data);
        socket.onclose = ({ code }) => this.#closed(code);
        this.#timer = setTimeout(() => this.#retry("unreachable"), LOGIN_PATIENCE);
    }

    #ask(text, pending) {
        if (!this.#write(text)) {
            return false;
        }
        this.#pending.push(pending);
        return true;
    }

    #write(text) {
        if (this.#socket?.readyState !== WebSocket.OPEN) {
            return false;
        }
        this.#socket.send(text);
        return true;
    }

    #heard(data) {
        this.#heardAt = Date.now();
        const answer = typeof data === "string" ? parse(data) : null;
        if (answer && (this.state === "online" || answer.kind === "identify" || answer.kind === "error")) {
            this.#handlers[answer.kind](answer);
        }
    }

    #handlers = {
        identify: ({ nick, name }) => {
            this.#pending.shift();
            clearTimeout(this.#timer);
            this.state = "online";
            this.#onlineAt = Date.now();
            this.#checkedAt = Date.now();
            this.#check = setInterval(() => this.#lookForLife(), CHECK_EVERY);
            this.#me = nick;
            this.#wasOnline = true;
            this.#tell({ kind: "online", me: { nick, name } });
            this.#ask(command.list(), { kind: "list" });
        },
        nicklist: ({ people }) => {
            this.#pending.shift();
            this.#tell({ kind: "people", people });
        },
        login: ({ nick, name }) => this.#tell({ kind: "came", nick, name }),
        quit: ({ nick }) => this.#tell({ kind: "gone", nick }),
        msg: (message) => {
            const echo = message.sender === this.#me && this.#pending[0]?.kind === "message";
            this.#tell({ ...message, kind: "message", id: echo ? this.#pending.shift().id : undefined });
        },
        pong: () => this.#pending.shift(),
        error: ({ text }) => this.#failed(text),
    };

    #failed(text) {
        if (text === "Replaced by a new login.") {
            this.#end("replaced");
            return;
        }
        if (text === "Server is full.") {
            this.#retry("full");
            return;
        }
        const about = this.#pending.shift();
        if (about?.kind === "message") {
            this.#tell({ kind: "refused", id: about.id, text });
        } else if (about?.kind === "identify") {
            const wait = { "Already online.": "taken", "Please try again later.": "busy" }[text];
            if (wait) {
                this.#retry(wait);
            } else {
                this.#end(text === "Identification failed." ? "wrong" : "ended", text);
            }
        }
    }

    #closed(code) {
        if (code === 1009 && this.#pending[0]?.kind === "message") {
            const { id } = this.#pending.shift();
            this.#tell({ kind: "refused", id, text: "Message too long." });
        }
        if (code === 1008) {
            this.#end("ended");
        } else {
            const known = { 1001: "restart", 1013: "full" }[code];
            this.#retry(known ?? (this.#wasOnline ? "lost" : "unreachable"));
        }
    }

    #retry(why) {
        if (this.state === "online" && Date.now() - this.#onlineAt > STEADY_AFTER) {
            this.#attempts = 0;
        }
        this.#forgetSocket();
        // Not all pages of a server that restarts should come back in the same instant.
        const spread = 0.75 + Math.random() / 2;
        const wait = Math.min(SECOND * 2 ** this.#attempts, LONGEST_WAIT) * spread;
        this.#attempts += 1;
        this.state = "waiting";
        this.#timer = setTimeout(() => this.#connect(), wait);
        this.#tell({ kind: "waiting", why, until: Date.now() + wait });
    }

    #end(why, text) {
        this.#forgetSocket();
        this.#credentials = null;
        this.state = "out";
        this.#tell({ kind: "out", why, text });
    }

    /** Lets go of the connection. What was sent on it and not answered may or may not have arrived. */
    #forgetSocket() {
        clearTimeout(this.#timer);
        clearInterval(this.#check);
        const socket = this.#socket;
        this.#socket = null;
        if (socket) {
            socket.onopen = socket.onmessage = socket.onclose = null;
            socket.close();
        }
        for (const { kind, id } of this.#pending.splice(0)) {
            if (kind === "message") {
                this.#tell({ kind: "unconfirmed", id });
            }
        }
    }

    #lookForLife() {
        const now = Date.now();
        if (now - this.#checkedAt > 3 * CHECK_EVERY) {
            // The machine slept, or the tab was frozen: the silence was ours, so ask before judging.
            this.#heardAt = Math.max(this.#heardAt, now - PING_AFTER);
        }
        this.#checkedAt = now;
        if (now - this.#heardAt >= DEAD_AFTER) {
            this.#retry("lost");
        } else if (now - this.#heardAt >= PING_AFTER && !this.#pending.some(({ kind }) => kind === "ping")) {
            this.#ask(command.ping("alive"), { kind: "ping" });
        }
    }
}
