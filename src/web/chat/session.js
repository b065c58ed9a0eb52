// One login, kept through dropped connections until the user leaves or the server says no.
//
//     out ──logIn──► connecting ──identify──► online
//      ▲              ▲     │                   │
//      └──── no ──────┼─────┤ try again         │ dropped
//                     └── waiting ◄─────────────┘
//
// The session emits plain events; the page has the words for them.
//
// A login goes by a password, which is kept to log in again, or by a ticket, which is good once: then each
// connection needs another one. A guest asks for the same nick again.

import { Pending, Refused } from "./pending.js";
import { bytes, command, folded, parse, MAX_COMMAND_BYTES } from "./protocol.js";

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
/** With the waits between them, these tries outlast a dead connection that still has a guest's nick. */
const GUEST_TRIES = 8;

export class Session {
    /** `out`, `connecting`, `waiting` or `online`. */
    state = "out";
    #emit;
    #address;
    /**
     * `{ id, secret, renew, renewed, spent }`. Of a password `renew` is undefined. Of a ticket it is `null`,
     * or a function that gets another one; `renewed` says that it has, `spent` that the ticket was sent.
     * Of a guest there is `guest: true`, the `nick`, and whether it was `chosen`.
     */
    #credentials = null;
    #renewal = null;
    #socket = null;
    #pending = new Pending();
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

    /** Comes in without an account, under this nick or, where it is "", one that the server gives. */
    comeAsGuest(nick) {
        this.#begin({ guest: true, nick, chosen: nick !== "" });
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

    /**
     * Sends a command of this `kind` and waits for the element that answers it. An error rejects with `Refused`;
     * so does a connection that is lost, with no text.
     */
    request(text, about) {
        return new Promise((resolve, reject) => {
            if (bytes(text) > MAX_COMMAND_BYTES) {
                reject(new Refused("Message too long."));
            } else if (this.state !== "online" || !this.#ask(text, { ...about, resolve, reject })) {
                reject(new Refused(null));
            }
        });
    }

    /** Sends a message or an action; `id` comes back with its echo or its failure. False: it was not sent. */
    send(target, { action, text }, id) {
        const write = action ? command.action : command.message;
        return this.state === "online" && this.#ask(write(target, text), { kind: "message", id });
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
            const { guest, nick, id, secret, renew } = this.#credentials;
            this.#credentials.spent = renew !== undefined;
            this.#ask(command.hello(), { kind: "hello" });
            this.#ask(guest ? command.guest(nick) : command.identify(id, secret), { kind: "identify" });
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
        this.#pending.add(pending);
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
        hello: ({ features }) => {
            this.#pending.answered("hello");
            this.#emit({ kind: "hello", features });
        },
        identify: ({ nick, name }) => this.#identified(nick, name),
        nicklist: ({ people }) => {
            this.#pending.answered("list");
            this.#emit({ kind: "people", people });
        },
        login: ({ nick, name }) => this.#emit({ kind: "came", nick, name }),
        quit: ({ nick }) => this.#emit({ kind: "gone", nick }),
        msg: (message) => this.#message(message),
        action: (message) => this.#message(message),
        nickchanged: ({ from, to }) => this.#renamed(from, to),
        announce: (event) => this.#emit(event),
        join: (event) => this.#emit(event),
        room: (event) => this.#answer(event, this.#pending.answered("join", "who")),
        part: (event) => {
            const own = event.by === null ? event.nick === this.#me : event.by === this.#me;
            this.#answer(event, own && this.#pending.answered(event.by === null ? "part" : "kick"));
        },
        topic: (event) => this.#answer(event, event.nick === this.#me && this.#pending.answered("topic")),
        owner: (event) => this.#emit(event),
        rooms: ({ rooms }) => this.#pending.answered("rooms")?.resolve(rooms),
        kicked: ({ text }) => this.#end("ended", text),
        pong: () => this.#pending.answered("ping"),
        error: ({ text }) => this.#failed(text),
    };

    #identified(nick, name) {
        this.#pending.answered("identify");
        clearTimeout(this.#timer);
        this.state = "online";
        this.#onlineAt = Date.now();
        this.#checkedAt = Date.now();
        this.#check = setInterval(() => this.#lookForLife(), CHECK_EVERY);
        const { guest, renew } = this.#credentials;
        // Another ticket may be for another member; a password is not.
        const was = this.#wasOnline && renew === undefined ? this.#me : null;
        this.#me = nick;
        this.#wasOnline = true;
        if (guest) {
            this.#credentials.nick = nick;
        }
        this.#emit({ kind: "online", me: { nick, name }, was });
        this.#ask(command.list(), { kind: "list" });
    }

    /** An event that may also be the answer to a command. */
    #answer(event, about) {
        this.#emit({ ...event, about: about || null });
        about?.resolve?.(event);
    }

    #message(message) {
        const echo = message.sender === this.#me && this.#pending.answered("message");
        this.#emit({ ...message, kind: "message", id: echo ? echo.id : undefined });
    }

    /** A person has another nick. If it is the user, the next login is under the new one. */
    #renamed(from, to) {
        const own = from === this.#me;
        const credentials = this.#credentials;
        if (own) {
            this.#me = to;
            if (credentials.guest) {
                Object.assign(credentials, { nick: to, chosen: true });
            } else if (credentials.renew === undefined && folded(credentials.id) === folded(from)) {
                credentials.id = to;
            }
        }
        const { nick } = this.#pending.oldest ?? {};
        // An operator may have renamed the user while the command was on its way.
        const asked = own && nick !== undefined && [nick, `~${nick}`].some((word) => folded(word) === folded(to));
        this.#answer({ kind: "renamed", from, to, own }, asked && this.#pending.answered("nick"));
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
        const about = this.#pending.refused(text);
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
        if (credentials.guest && text !== "Please try again later.") {
            this.#guestRefused(text);
        } else if (text === "Please try again later.") {
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

    /** The lost connection may still hold the guest's nick, or another guest may have it now. */
    #guestRefused(text) {
        const credentials = this.#credentials;
        if (text !== "Nick is taken." || !this.#wasOnline) {
            this.#end("guest", text);
        } else if (!credentials.chosen) {
            this.#ask(command.guest(""), { kind: "identify" });
        } else if (this.#attempts < GUEST_TRIES) {
            this.#retry("taken");
        } else {
            this.#end("guest", text);
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
        const tooLong = code === 1009 && this.#pending.answered("message");
        if (tooLong) {
            const { id } = tooLong;
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
        for (const { kind, id } of this.#pending.abandon()) {
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
        } else if (now - this.#receivedAt >= PING_AFTER && !this.#pending.has("ping")) {
            this.#ask(command.ping("alive"), { kind: "ping" });
        }
    }
}
