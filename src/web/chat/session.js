// One login, kept through dropped connections until the user leaves or the server says no.
//
//     out ──logIn──► connecting ──identify──► online
//      ▲              ▲     │                   │
//      └──── no ──────┼─────┤ try again         │ dropped
//                     └── waiting ◄─────────────┘
//
// The session emits plain events; the page has the words for them. Answers of one connection come in the
// order of its commands, so an error belongs to the oldest command that has no answer yet.
//
// A login goes by a password, which is kept to log in again, or by a ticket, which is good once: then each
// connection needs another one.

import { bytes, command, parse, MAX_COMMAND_BYTES } from "./protocol.js";

const SECOND = 1000;
/** The wait doubles from 1 s up to here: soon enough for a person, and easy on a server that restarts. */
const LONGEST_WAIT = 30 * SECOND;
/** A phone's network may take long to connect, and so may the site that gives tickets. */
const CONNECT_TIMEOUT = 25 * SECOND;
/** The server slows logins while others guess passwords from the same address. A new try would wait again. */
const LOGIN_TIMEOUT = 60 * SECOND;
/** A browser does not notify a page that its network is gone, so silence is taken for it. */
const CHECK_EVERY = 5 * SECOND;
const PING_AFTER = 25 * SECOND;
const DEAD_AFTER = 40 * SECOND;
/** Only a connection that lasted makes the next wait short again. */
const STEADY_AFTER = 10 * SECOND;

export class Session {
    /** `out`, `connecting`, `waiting` or `online`. */
    state = "out";
    #emit;
    #address;
    /**
     * `{ id, secret, renew, renewed, spent }`. Of a password `renew` is undefined. Of a ticket it is `null`,
     * or a function that gets another one; `renewed` says that it has, `spent` that the ticket was sent.
     */
    #credentials = null;
    #renewal = null;
    #socket = null;
    #pending = [];
    #attempts = 0;
    #timer = 0;
    #check = 0;
    #checkedAt = 0;
    #receivedAt = 0;
    #onlineAt = 0;
    #wasOnline = false;
    #me = null;

    constructor(address, emit) {
        this.#address = address;
        this.#emit = emit;
    }

    /** Logs in, and stays so. */
    logIn(id, password) {
        this.#begin({ id, secret: password });
        if (bytes(command.identify(id, password)) > MAX_COMMAND_BYTES) {
            this.#end("wrong");
        } else {
            this.#connect();
        }
    }

    /**
     * The same by a ticket. `renew` gets the next one, `{ id, ticket }`, or fails, with `denied` set where
     * to ask again is of no use; where there is no `renew`, a lost connection ends the session. Without a
     * `pass` the first ticket comes from it, too.
     */
    logInByTicket(pass, renew) {
        this.#begin({ id: pass?.id, secret: pass?.ticket, renew, renewed: false, spent: !pass });
        this.#connect();
    }

    #begin(credentials) {
        this.#credentials = credentials;
        this.#attempts = 0;
        this.#wasOnline = false;
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
            this.#receivedAt = Math.min(this.#receivedAt, Date.now() - PING_AFTER);
            this.#lookForLife();
        }
    }

    /** Sends a message or an action; `id` comes back with its echo or its failure. False: it was not sent. */
    send(nick, { action, text }, id) {
        const write = action ? command.action : command.message;
        return this.state === "online" && this.#ask(write(nick, text), { kind: "message", id });
    }

    #connect() {
        this.#forgetSocket();
        this.state = "connecting";
        this.#emit({ kind: "connecting" });
        this.#timer = setTimeout(() => this.#retry("unreachable"), CONNECT_TIMEOUT);
        if (this.#credentials.spent) {
            this.#renew();
        } else {
            this.#open();
        }
    }

    #open() {
        const socket = new WebSocket(this.#address);
        this.#socket = socket;
        socket.onopen = () => {
            clearTimeout(this.#timer);
            this.#timer = setTimeout(() => this.#retry("busy"), LOGIN_TIMEOUT);
            const { id, secret, renew } = this.#credentials;
            this.#credentials.spent = renew !== undefined;
            this.#ask(command.hello(), { kind: "hello" });
            this.#ask(command.identify(id, secret), { kind: "identify" });
        };
        socket.onmessage = ({ data }) => this.#received(data);
        socket.onclose = ({ code }) => this.#closed(code);
    }

    /** Gets another ticket, and connects with it. */
    async #renew() {
        const renewal = new AbortController();
        this.#renewal = renewal;
        try {
            const { id, ticket } = await this.#credentials.renew(renewal.signal);
            if (!renewal.signal.aborted) {
                Object.assign(this.#credentials, { id, secret: ticket, renewed: true, spent: false });
                this.#open();
            }
        } catch (error) {
            if (!renewal.signal.aborted) {
                if (error.denied) {
                    this.#end("denied");
                } else {
                    this.#retry("site");
                }
            }
        }
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

    #received(data) {
        this.#receivedAt = Date.now();
        // An empty message only keeps the connection open.
        const answer = typeof data === "string" && data !== "" ? parse(data) : null;
        if (answer && (this.state === "online" || ["hello", "identify", "error"].includes(answer.kind))) {
            this.#handlers[answer.kind](answer);
        }
    }

    #handlers = {
        hello: () => this.#pending.shift(),
        identify: ({ nick, name }) => {
            this.#pending.shift();
            clearTimeout(this.#timer);
            this.state = "online";
            this.#onlineAt = Date.now();
            this.#checkedAt = Date.now();
            this.#check = setInterval(() => this.#lookForLife(), CHECK_EVERY);
            this.#me = nick;
            this.#wasOnline = true;
            this.#emit({ kind: "online", me: { nick, name } });
            this.#ask(command.list(), { kind: "list" });
        },
        nicklist: ({ people }) => {
            this.#pending.shift();
            this.#emit({ kind: "people", people });
        },
        login: ({ nick, name }) => this.#emit({ kind: "came", nick, name }),
        quit: ({ nick }) => this.#emit({ kind: "gone", nick }),
        msg: (message) => this.#message(message),
        action: (message) => this.#message(message),
        kicked: ({ text }) => this.#end("ended", text),
        pong: () => this.#pending.shift(),
        error: ({ text }) => this.#failed(text),
    };

    #message(message) {
        const echo = message.sender === this.#me && this.#pending[0]?.kind === "message";
        this.#emit({ ...message, kind: "message", id: echo ? this.#pending.shift().id : undefined });
    }

    #failed(text) {
        if (text === "Replaced by a new login.") {
            this.#end("replaced");
            return;
        }
        if (text === "Server is full.") {
            this.#wasNotSeen();
            this.#retry("full");
            return;
        }
        const about = this.#pending.shift();
        if (about?.kind === "message") {
            this.#emit({ kind: "refused", id: about.id, text });
        } else if (about?.kind === "identify") {
            this.#refused(text);
        }
    }

    /** IDENTIFY was answered by an error. */
    #refused(text) {
        const credentials = this.#credentials;
        const byTicket = credentials.renew !== undefined;
        if (text === "Please try again later.") {
            this.#wasNotSeen();
            this.#retry("busy");
        } else if (text === "Already online.") {
            this.#retry("taken");
        } else if (text !== "Identification failed.") {
            this.#end("ended", text);
        } else if (credentials.renew && !credentials.renewed) {
            // The one in the address may have expired while the visitor was asked.
            this.#connect();
        } else {
            this.#end(byTicket ? "refused" : "wrong");
        }
    }

    /** The server did not look at the login: a ticket is as good as before, and a fresh one better. */
    #wasNotSeen() {
        this.#credentials.spent = Boolean(this.#credentials.renew);
    }

    #closed(code) {
        if (code === 1013 && this.state === "connecting") {
            this.#wasNotSeen();
        }
        if (code === 1009 && this.#pending[0]?.kind === "message") {
            const { id } = this.#pending.shift();
            this.#emit({ kind: "refused", id, text: "Message too long." });
        }
        if (code === 1008) {
            this.#end("ended");
        } else {
            const known = { 1001: "restart", 1013: "full" }[code];
            this.#retry(known ?? (this.#wasOnline ? "lost" : "unreachable"));
        }
    }

    #retry(why) {
        if (this.#credentials.spent && !this.#credentials.renew) {
            this.#end("spent", why);
            return;
        }
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
        this.#emit({ kind: "waiting", why, until: Date.now() + wait });
    }

    #end(why, text) {
        this.#forgetSocket();
        this.#credentials = null;
        this.state = "out";
        this.#emit({ kind: "out", why, text });
    }

    /** Lets go of the connection. What was sent on it and not answered may or may not have arrived. */
    #forgetSocket() {
        clearTimeout(this.#timer);
        clearInterval(this.#check);
        this.#renewal?.abort();
        const socket = this.#socket;
        this.#socket = null;
        if (socket) {
            socket.onopen = socket.onmessage = socket.onclose = null;
            socket.close();
        }
        for (const { kind, id } of this.#pending.splice(0)) {
            if (kind === "message") {
                this.#emit({ kind: "unconfirmed", id });
            }
        }
    }

    #lookForLife() {
        const now = Date.now();
        if (now - this.#checkedAt > 3 * CHECK_EVERY) {
            // The machine slept, or the tab was frozen: the silence was ours, so ask before judging.
            this.#receivedAt = Math.max(this.#receivedAt, now - PING_AFTER);
        }
        this.#checkedAt = now;
        if (now - this.#receivedAt >= DEAD_AFTER) {
            this.#retry("lost");
        } else if (now - this.#receivedAt >= PING_AFTER && !this.#pending.some(({ kind }) => kind === "ping")) {
            this.#ask(command.ping("alive"), { kind: "ping" });
        }
    }
}
