// The login card: by password, by a ticket of the visitor's site, or as a guest.

import { kept, keep } from "./conversations.js";
import { $, announce, fault } from "./dom.js";
import { translated } from "./errors.js";
import { drawWays, focusForm, notice, offer, showPart } from "./login.js";
import { folded } from "./protocol.js";
import { framed, fromAddress, renew, siteHost } from "./ticket.js";
import { say } from "./words.js";

const NAME = "flashgate.name";

/** The ends of a login that the user asked for. */
const OWN = ["left", "stopped", "paused"];

export class Entrance {
    #session;
    /** A ticket from the address that waits for a yes. */
    #offered = null;

    constructor(session) {
        this.#session = session;
        $("login-form").addEventListener("submit", (event) => {
            event.preventDefault();
            this.#logIn();
        });
        $("guest-form").addEventListener("submit", (event) => {
            event.preventDefault();
            this.#comeAsGuest();
        });
        $("site-login").addEventListener("click", () => this.#logInByTicket(null));
        $("offer-yes").addEventListener("click", () => this.#logInByTicket(this.#offered));
        $("offer-no").addEventListener("click", () => {
            this.#offered = null;
            showPart("login-form");
            focusForm();
        });
        addEventListener("hashchange", () => this.#cameByLink());
    }

    /** Called when the page has loaded: fills in what is known of the visitor, and may log in at once. */
    begin() {
        drawWays();
        $("login-id").value = kept(NAME) ?? "";
        if ($("login-id").value !== "") {
            notice(say("goOn"));
        }
        focusForm();
        this.#cameByLink();
        if (this.#session.state === "out" && framed && renew) {
            this.#logInByTicket(null);
        }
    }

    /** What the card shows while no login is under way. */
    get part() {
        return this.#offered ? "offer" : "login-form";
    }

    /** The next login goes by the new nick. */
    renamed(from, to) {
        if (folded(kept(NAME) ?? "") === folded(from)) {
            keep(NAME, to);
            $("login-id").value = to;
        }
    }

    /** Says how a login ended; `interrupted` where the user was in the middle of something. */
    ended(why, text, interrupted) {
        if (why === "wrong" && !interrupted) {
            fault("login-password", say("wrongLogin"));
            return;
        }
        if (why === "guest" && !interrupted) {
            fault("guest-nick", translated(text));
            return;
        }
        const before = why === "spent" ? `${say(`wait_${text}`, { host: siteHost })} ` : "";
        const after = why === "ended" && text ? ` ${say("out_says", { text })}` : "";
        notice(before + say(`out_${why}`, { host: siteHost, text: translated(text ?? "") }) + after);
        if (interrupted && !OWN.includes(why)) {
            // A user who is typing a message must not continue in a password field.
            $("login-notice").focus();
        } else {
            focusForm();
        }
    }

    #logIn() {
        const id = $("login-id").value.trim();
        const password = $("login-password").value;
        this.#clear();
        if (password === "") {
            fault("login-password", say("noPassword"));
        }
        if (id === "" || /\s/.test(id)) {
            fault("login-id", say(id === "" ? "noId" : "spaces"));
        } else if (password !== "") {
            keep(NAME, id);
            this.#session.logIn(id, password);
            $("login-wait-why").focus();
        }
    }

    #comeAsGuest() {
        const nick = $("guest-nick").value.trim();
        this.#clear();
        if (/\s/.test(nick)) {
            fault("guest-nick", say("spaces"));
            return;
        }
        this.#session.comeAsGuest(nick);
        $("login-wait-why").focus();
    }

    /** Logs in by a ticket, or by the site that gives them. */
    #logInByTicket(pass) {
        this.#offered = null;
        this.#clear();
        this.#session.logInByTicket(pass, renew);
        $("login-wait-why").focus();
    }

    #clear() {
        for (const field of ["login-id", "login-password", "guest-nick"]) {
            fault(field, "");
        }
    }

    /** The address has brought a ticket, perhaps while the page was open already. */
    #cameByLink() {
        const pass = fromAddress();
        if (pass === null) {
            return;
        }
        if (this.#session.state !== "out") {
            announce(say("ignoredLink"));
        } else if (pass.ticket === null) {
            notice(say("out_damaged"));
        } else if (framed) {
            this.#logInByTicket(pass);
        } else {
            this.#offered = pass;
            offer(pass);
        }
    }
}
