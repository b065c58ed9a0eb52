// Commands that have no answer yet, oldest first.
//
// Answers of one connection come in the order of its commands, so an error belongs to the oldest command.

/** The server refused a command; `text` is what it said, `null` where the connection was lost. */
export class Refused extends Error {
    constructor(text) {
        super(text ?? "no connection");
        this.text = text;
    }
}

export class Pending {
    #queue = [];

    /** The command that the next answer belongs to: `{ kind, … }`. */
    get oldest() {
        return this.#queue[0];
    }

    has(kind) {
        return this.#queue.some((about) => about.kind === kind);
    }

    add(about) {
        this.#queue.push(about);
    }

    /** Takes the oldest command, if it is of one of these kinds, as answered. */
    answered(...kinds) {
        return kinds.includes(this.oldest?.kind) ? this.#queue.shift() : undefined;
    }

    /** Takes the oldest command as refused. */
    refused(text) {
        const about = this.#queue.shift();
        about?.reject?.(new Refused(text));
        return about;
    }

    /** The connection is lost: forgets all commands without an answer, and returns them. */
    abandon() {
        const abandoned = this.#queue.splice(0);
        for (const about of abandoned) {
            about.reject?.(new Refused(null));
        }
        return abandoned;
    }
}
