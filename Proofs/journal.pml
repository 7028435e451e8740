/*
 * The append fence and the hand-out of tasks, for the model checker Spin.
 *
 * Two engine processes on one database. README.md beside this file says what is modelled, what each property means and
 * how to run it. What the code has a name for has that name here.
 *
 * Bounds: EXECUTIONS, CONNECTIONS (on which an engine appends: 1 or 2), TERMS (how often the lease is taken), LOSSES (answers of the database that do not arrive), LATE
 * (attempts judged lost although a worker has them), ANSWERED (executions whose task is answered; the others' run on).
 *
 * Each of these breaks one rule, and Spin must find what comes of it:
 *
 *   NO_FENCE          an append does not read the lease
 *   NO_LEASE_LOCK     it reads the lease, but without FOR KEY SHARE
 *   NO_SEQ_KEY        the journal has no primary key
 *   NO_WRITER         a row that is there already is taken for one's own, its writer not compared
 *   NEW_ROW_ON_RETRY  after a lost answer another row is sent, under the next seq, instead of the identical one
 *   NO_IN_FLIGHT      a row that is under way on one connection is sent on the other, too
 *   EARLY_OFFER       a task is offered when its hand-out is decided, before the row is durable
 *   NO_NONCE          an answer is taken whatever its nonce
 *
 * CONSEQUENCES leaves out the properties that say what the mechanism does (FENCE, KEY, WRITER, MEMORY) and keeps those
 * that say what clients, workers and viewers see; VIEWERS keeps PUBLISH alone. PROGRESS adds the properties OFFER and END,
 * TRUE_REFUSALS one that does not hold: README.md, "What is not promised".
 */

#ifndef EXECUTIONS
#define EXECUTIONS 2
#endif
#ifndef CONNECTIONS
#define CONNECTIONS 1
#endif
#ifndef TERMS
#define TERMS 3
#endif
#ifndef LOSSES
#define LOSSES 1
#endif
#ifndef LATE
#define LATE 1
#endif

#ifndef ANSWERED
#define ANSWERED EXECUTIONS
#endif

#define ENGINES  2
#define TRIES    2 /* statements of one connection that the database holds at the same time */
#define BACKENDS (ENGINES * CONNECTIONS * TRIES)
#ifndef ATTEMPTS
#define ATTEMPTS (TERMS + LATE) /* a takeover costs a task at most one attempt, and so does a late heartbeat */
#endif
#define ROWS     (2 * ATTEMPTS + 2)

/* What a row says. */
mtype = {
    STARTED,   /* the execution started, its task is scheduled; with a nonce: and handed out */
    HANDED,    /* the task is handed out under this nonce */
    LOST,      /* the attempt with this nonce is judged lost, the task is scheduled again */
    COMPLETED, /* a worker's answer with this nonce; publishing is next */
    PUBLISHED  /* the title is in the catalogue, and the execution has ended */
}
#define NOTHING 0

/* Where an execution stands in an engine's memory. */
#define ABSENT     0
#define SCHEDULED  1
#define RUNNING    2
#define PUBLISHING 3
#define ENDED      4
#define UNLOADED   5 /* to be loaded from the journal */

/* What an engine process is. */
#define STANDBY 0
#define LOADING 1
#define SERVING 2

/* What a connection that it appends on is at. */
#define IDLE     0
#define WAITING  1 /* for the answer to a statement */
#define REPLIED  2 /* the answer says which rows went in */
#define ASKING   3 /* what stands in the place of those that did not */
#define UNKNOWN  4 /* the answer was lost: the statement is sent again */

/* A statement in the database. */
#define FREE   0
#define SENT   1
#define LOCKED 2 /* it found its incarnation in the lease row and holds that row FOR KEY SHARE */

#define BIT(i) (1 << (i))

typedef Memory {
    byte state;
    byte incarnation; /* 0: none. Numbered in the order in which they took the lease. */
    /* Its executions, as the journal has them as far as it knows. */
    byte phase[EXECUTIONS];
    byte seq[EXECUTIONS];   /* rows so far: the seq of the next one */
    byte nonce[EXECUTIONS]; /* of the attempt that runs */
    byte lost[EXECUTIONS];  /* attempts judged lost */
    /* Rows that are decided and not answered. */
    mtype row[EXECUTIONS];
    byte rowNonce[EXECUTIONS];
    /* Its connections. */
    byte connection[CONNECTIONS];
    byte open[CONNECTIONS];   /* executions with a row in the statement under way, as bits */
    byte written[CONNECTIONS] /* those whose row went in, as the answer says */
}

typedef Statement {
    byte state;
    byte incarnation;
    bit heard; /* somebody still waits for the answer */
    mtype row[EXECUTIONS];
    byte nonce[EXECUTIONS];
    byte seq[EXECUTIONS]
}

typedef Rows {
    mtype kind[ROWS];
    byte nonce[ROWS];
    byte writer[ROWS];
    byte count;
    /* Derived from the rows: the last one, and how many say LOST. */
    mtype last;
    byte lastNonce;
    byte lost
}

/* The database. */
byte lease; /* the incarnation that the lease row names; 0: none */
byte terms; /* how often it was taken */
Rows journal[EXECUTIONS];
byte titles[EXECUTIONS]; /* what each execution put into the catalogue */
Statement backend[BACKENDS];

Memory engine[ENGINES];

/* Tokens that left an engine: nonces per execution, as bits. Whoever has one may answer with it at any time, as often as
   it likes, to any engine. */
short offered[EXECUTIONS];

byte losses = LOSSES;
byte late = LATE;

byte i, n, r; /* within a step: 0 between steps */
bit found;


#define NAME(e) (65 + (e)) /* for %c: engine A, engine B */

#define IS_SCHEDULED(x) (journal[x].last == LOST || (journal[x].last == STARTED && journal[x].lastNonce == 0))
#define IS_RUNNING(x) (journal[x].last == HANDED || (journal[x].last == STARTED && journal[x].lastNonce != 0))
#define IS_OFFERED(x) (IS_RUNNING(x) && (offered[x] & BIT(journal[x].lastNonce)) != 0)

#if defined(NO_FENCE) || defined(NO_LEASE_LOCK)
#define IS_LOCKED false
#else
#define IS_LOCKED \
    (LOCKS(0) || LOCKS(1) || LOCKS(2) || LOCKS(3) || HAS_MORE_LOCKS)
#endif
#define LOCKS(s) (backend[s].state == LOCKED)
#if CONNECTIONS > 1
#define HAS_MORE_LOCKS (LOCKS(4) || LOCKS(5) || LOCKS(6) || LOCKS(7))
#else
#define HAS_MORE_LOCKS false
#endif
#define HOLDS(e) (engine[e].state != STANDBY && engine[e].incarnation == lease)
/* The first of the statements of a connection. */
#define STATEMENT(e, c) (TRIES * (CONNECTIONS * (e) + (c)))
#define HAS_ROOM(e, c) (backend[STATEMENT(e, c)].state == FREE || backend[STATEMENT(e, c) + 1].state == FREE)

/* The executions that have a row under way, as bits. */
#if CONNECTIONS == 1 || defined(NO_IN_FLIGHT)
#define IN_FLIGHT(e, c) engine[e].open[c]
#else
#define IN_FLIGHT(e, c) (engine[e].open[0] | engine[e].open[1])
#endif
#define WAITS(e, c, x) (engine[e].row[x] != NOTHING && (IN_FLIGHT(e, c) & BIT(x)) == 0)

#if EXECUTIONS > 1
#define HAS_ROWS(e, c) (WAITS(e, c, 0) || WAITS(e, c, 1))
#define IS_LOADED(e) (engine[e].phase[0] != UNLOADED && engine[e].phase[1] != UNLOADED)
#else
#define HAS_ROWS(e, c) WAITS(e, c, 0)
#define IS_LOADED(e) (engine[e].phase[0] != UNLOADED)
#endif

/* ---- Properties that are checked where something happens ---- */

#define MUST(sentence, condition) if :: condition :: else -> printf(sentence); assert(false) fi

#if defined(CONSEQUENCES) || defined(VIEWERS)
#define FENCE(s, x) skip
#define KEY(s, x) skip
#define WRITER(s, x) skip
#define MEMORY(e, x) skip
#else
/* FENCE: after the lease was taken no append of the former holder succeeds. */
#define FENCE(s, x) MUST("violated: FENCE\n", backend[s].incarnation == lease)
/* KEY: the rows of an execution are 0, 1, 2, ...: no gap, and no second row of one seq. */
#define KEY(s, x) MUST("violated: KEY\n", backend[s].seq[x] == journal[x].count)
/* WRITER: an incarnation that another one has followed as the writer of an execution never writes a row of it again. */
#define WRITER(s, x) \
    MUST("violated: WRITER\n", \
        journal[x].count == 0 || journal[x].writer[journal[x].count - 1] <= backend[s].incarnation)
/* MEMORY: what an engine takes into memory as its row is the row that is in the journal. */
#define MEMORY(e, x) \
    MUST("violated: MEMORY\n", engine[e].seq[x] < journal[x].count && \
        journal[x].kind[engine[e].seq[x]] == engine[e].row[x] && \
        journal[x].nonce[engine[e].seq[x]] == engine[e].rowNonce[x])
#endif

/* RULE: what a row says follows from the rows before it. So a task has one live attempt at most, and an answer counts
   once, with the nonce of the attempt that runs. */
inline check_rule(s, x) {
#ifdef VIEWERS
    skip
#else
    if
    :: backend[s].row[x] == STARTED -> MUST("violated: RULE\n", journal[x].count == 0)
    :: backend[s].row[x] == HANDED -> MUST("violated: RULE\n", IS_SCHEDULED(x))
    :: backend[s].row[x] == LOST ->
        MUST("violated: RULE\n", IS_RUNNING(x) && journal[x].lastNonce == backend[s].nonce[x])
    :: backend[s].row[x] == COMPLETED ->
        MUST("violated: RULE\n", IS_RUNNING(x) && journal[x].lastNonce == backend[s].nonce[x])
    :: backend[s].row[x] == PUBLISHED -> MUST("violated: RULE\n", journal[x].last == COMPLETED)
    fi
#endif
}

/* DURABLE: what leaves an engine is in the journal: a start or an answer that is acknowledged, a task that is offered. */
inline check_durable(x, kind_, nonce_) {
#ifdef VIEWERS
    skip
#else
    do
    :: i < journal[x].count ->
        if
        :: kind_ == STARTED && journal[x].kind[i] == STARTED -> found = 1
        :: kind_ == HANDED && (journal[x].kind[i] == HANDED || journal[x].kind[i] == STARTED) &&
            nonce_ != 0 && journal[x].nonce[i] == nonce_ -> found = 1
        :: kind_ == COMPLETED && journal[x].kind[i] == COMPLETED && journal[x].nonce[i] == nonce_ -> found = 1
        :: else
        fi;
        i++
    :: else -> break
    od;
    MUST("violated: DURABLE\n", found);
    found = 0;
    i = 0
#endif
}

/* ---- The database: each statement in a server process of its own ---- */

inline insert(s, x) {
    if
    :: backend[s].row[x] == NOTHING
#ifndef NO_SEQ_KEY
    :: backend[s].row[x] != NOTHING && backend[s].seq[x] < journal[x].count ->
        printf("    execution %d has a row %d already: nothing is inserted\n", x, backend[s].seq[x])
#endif
    :: else ->
        printf("    row %d of execution %d goes in, written by incarnation %d\n",
            backend[s].seq[x], x, backend[s].incarnation);
        FENCE(s, x);
        KEY(s, x);
        WRITER(s, x);
        if
        :: backend[s].row[x] == PUBLISHED ->
            titles[x]++;
            printf("    execution %d: the title is published\n", x);
            /* PUBLISH: an execution publishes once. */
            MUST("violated: PUBLISH\n", titles[x] == 1)
        :: else
        fi;
        check_rule(s, x);
        journal[x].kind[journal[x].count] = backend[s].row[x];
        journal[x].nonce[journal[x].count] = backend[s].nonce[x];
        journal[x].writer[journal[x].count] = backend[s].incarnation;
        journal[x].count++;
        journal[x].last = backend[s].row[x];
        journal[x].lastNonce = backend[s].nonce[x];
        if
        :: backend[s].row[x] == LOST -> journal[x].lost++
        :: else
        fi;
        r = r | BIT(x)
    fi
}

/* Commits; `r` says which rows went in. */
inline commit(s) {
    printf("database: a statement of incarnation %d commits; the lease names %d\n", backend[s].incarnation, lease);
    insert(s, 0);
#if EXECUTIONS > 1
    insert(s, 1)
#endif
}

inline release(s) {
    backend[s].state = FREE;
    backend[s].incarnation = 0;
    backend[s].heard = 0;
    backend[s].row[0] = NOTHING;
    backend[s].nonce[0] = 0;
    backend[s].seq[0] = 0;
#if EXECUTIONS > 1
    backend[s].row[1] = NOTHING;
    backend[s].nonce[1] = 0;
    backend[s].seq[1] = 0;
#endif
}

inline answer(s) {
    if
    :: backend[s].heard ->
        engine[s / (CONNECTIONS * TRIES)].written[(s / TRIES) % CONNECTIONS] = r;
        engine[s / (CONNECTIONS * TRIES)].connection[(s / TRIES) % CONNECTIONS] = REPLIED
    :: else
    fi;
    r = 0;
    release(s)
}

proctype Backend(byte s) {
end:
    do
#ifdef NO_FENCE
    :: d_step { backend[s].state == SENT -> backend[s].state = LOCKED }
#else
    :: d_step { backend[s].state == SENT && backend[s].incarnation == lease ->
        printf("database: a statement of incarnation %d finds the lease its own\n", backend[s].incarnation);
        backend[s].state = LOCKED
    }
    :: d_step { backend[s].state == SENT && backend[s].incarnation != lease ->
        printf("database: a statement of incarnation %d inserts nothing: the lease names %d\n",
            backend[s].incarnation, lease);
        answer(s)
    }
#endif
    :: d_step { backend[s].state == LOCKED -> commit(s); answer(s) }
    /* It never arrived, or the server process ended. */
    :: d_step { backend[s].state != FREE && !backend[s].heard ->
        printf("database: a statement of incarnation %d, for which nobody waits, is lost\n", backend[s].incarnation);
        release(s)
    }
    od
}

/* ---- An execution in the memory of an engine: Run, and what decides about it ---- */

#define IS_QUIET(e, x) (engine[e].state == SERVING && engine[e].row[x] == NOTHING)

/* One append of an execution at a time: decided only while none is under way. */
inline decide(e, x, kind_, nonce_) {
    engine[e].row[x] = kind_;
    engine[e].rowNonce[x] = nonce_
}

/* Unique: an incarnation hands an attempt out once. */
#define NEW_NONCE(e, x) ((engine[e].incarnation - 1) * ATTEMPTS + engine[e].lost[x] + 1)

inline offer(e, x, nonce_) {
    printf("engine %c offers the task of execution %d to a worker, nonce %d\n", NAME(e), x, nonce_);
    check_durable(x, HANDED, nonce_);
    offered[x] = offered[x] | BIT(nonce_)
}

inline hand_out(e, x, kind_) {
    n = NEW_NONCE(e, x);
    printf("engine %c (incarnation %d) decides to hand out the task of execution %d, nonce %d\n",
        NAME(e), engine[e].incarnation, x, n);
    decide(e, x, kind_, n);
#ifdef EARLY_OFFER
    offer(e, x, n);
#endif
    n = 0
}

inline load(e, x) {
    printf("engine %c (incarnation %d) loads execution %d: %d rows\n",
        NAME(e), engine[e].incarnation, x, journal[x].count);
    engine[e].seq[x] = journal[x].count;
    engine[e].lost[x] = journal[x].lost;
    engine[e].nonce[x] = 0;
    if
    :: journal[x].count == 0 -> engine[e].phase[x] = ABSENT
    :: IS_SCHEDULED(x) -> engine[e].phase[x] = SCHEDULED
    :: IS_RUNNING(x) ->
        engine[e].phase[x] = RUNNING;
        engine[e].nonce[x] = journal[x].lastNonce
    :: journal[x].last == COMPLETED -> engine[e].phase[x] = PUBLISHING
    :: journal[x].last == PUBLISHED -> engine[e].phase[x] = ENDED
    fi;
    if
    :: IS_LOADED(e) -> engine[e].state = SERVING
    :: else
    fi
}

proctype Run(byte e, x) {
end:
    do
    :: d_step { engine[e].state != STANDBY && engine[e].phase[x] == UNLOADED -> load(e, x) }

    /* A client asks for a start. */
    :: d_step { IS_QUIET(e, x) && engine[e].phase[x] == ABSENT ->
        printf("engine %c (incarnation %d) decides to start execution %d\n", NAME(e), engine[e].incarnation, x);
        decide(e, x, STARTED, 0)
    }
    /* The same while a worker's poll waits: started and handed out in one row. */
    :: d_step { IS_QUIET(e, x) && engine[e].phase[x] == ABSENT ->
        printf("engine %c (incarnation %d) decides to start execution %d\n", NAME(e), engine[e].incarnation, x);
        hand_out(e, x, STARTED)
    }

    /* A worker polls. */
    :: d_step { IS_QUIET(e, x) && engine[e].phase[x] == SCHEDULED -> hand_out(e, x, HANDED) }

    /* A heartbeat period has passed: certainly so where nobody has the token. */
    :: d_step { IS_QUIET(e, x) && engine[e].phase[x] == RUNNING && engine[e].lost[x] < ATTEMPTS - 1 &&
            (offered[x] & BIT(engine[e].nonce[x])) == 0 ->
        printf("engine %c judges the attempt of execution %d lost, nonce %d\n", NAME(e), x, engine[e].nonce[x]);
        decide(e, x, LOST, engine[e].nonce[x])
    }
    :: d_step { IS_QUIET(e, x) && engine[e].phase[x] == RUNNING && engine[e].lost[x] < ATTEMPTS - 1 &&
            (offered[x] & BIT(engine[e].nonce[x])) != 0 && late > 0 ->
        printf("engine %c judges the attempt of execution %d lost, nonce %d, and it is only late\n",
            NAME(e), x, engine[e].nonce[x]);
        late--;
        decide(e, x, LOST, engine[e].nonce[x])
    }

    /* A worker answers. An answer with another nonce changes nothing: no step. */
    :: d_step { IS_QUIET(e, x) && engine[e].phase[x] == RUNNING && x < ANSWERED &&
            (offered[x] & BIT(engine[e].nonce[x])) != 0 ->
        printf("engine %c takes an answer to the task of execution %d, nonce %d\n", NAME(e), x, engine[e].nonce[x]);
        decide(e, x, COMPLETED, engine[e].nonce[x])
    }
#ifdef NO_NONCE
    :: d_step { IS_QUIET(e, x) && engine[e].phase[x] == RUNNING && (offered[x] & ~BIT(engine[e].nonce[x])) != 0 ->
        n = 1;
        do
        :: n != engine[e].nonce[x] && (offered[x] & BIT(n)) != 0 -> break
        :: else -> n++
        od;
        printf("engine %c takes an answer to the task of execution %d, nonce %d, while nonce %d runs\n",
            NAME(e), x, n, engine[e].nonce[x]);
        decide(e, x, COMPLETED, n);
        n = 0
    }
#endif
#ifdef TRUE_REFUSALS
    :: d_step { IS_QUIET(e, x) && engine[e].phase[x] != UNLOADED && IS_OFFERED(x) &&
            !(engine[e].phase[x] == RUNNING && engine[e].nonce[x] == journal[x].lastNonce) ->
        printf("engine %c (incarnation %d) refuses an answer to execution %d as stale, nonce %d; the lease names %d\n",
            NAME(e), engine[e].incarnation, x, journal[x].lastNonce, lease);
        /* TRUE_REFUSALS: an answer is refused only if its attempt is over. */
        MUST("violated: TRUE_REFUSALS\n", false)
    }
#endif

    :: d_step { IS_QUIET(e, x) && engine[e].phase[x] == PUBLISHING ->
        printf("engine %c (incarnation %d) decides to publish execution %d\n", NAME(e), engine[e].incarnation, x);
        decide(e, x, PUBLISHED, 0)
    }
    od
}

/* ---- An engine process: its lease, its connections ---- */

/* The row of an execution is in: memory follows, and what was waiting for it may leave the engine. */
inline settle(e, x) {
    MEMORY(e, x);
    if
    :: engine[e].row[x] == STARTED ->
        printf("engine %c acknowledges the start of execution %d\n", NAME(e), x);
        check_durable(x, STARTED, 0);
        if
        :: engine[e].rowNonce[x] == 0 -> engine[e].phase[x] = SCHEDULED
        :: else -> engine[e].phase[x] = RUNNING
        fi
    :: engine[e].row[x] == HANDED -> engine[e].phase[x] = RUNNING
    :: engine[e].row[x] == LOST ->
        engine[e].phase[x] = SCHEDULED;
        engine[e].lost[x]++
    :: engine[e].row[x] == COMPLETED ->
        printf("engine %c acknowledges the answer to execution %d\n", NAME(e), x);
        check_durable(x, COMPLETED, engine[e].rowNonce[x]);
        engine[e].phase[x] = PUBLISHING
    :: engine[e].row[x] == PUBLISHED -> engine[e].phase[x] = ENDED
    fi;
    engine[e].nonce[x] = 0;
    if
    :: engine[e].phase[x] == RUNNING ->
        engine[e].nonce[x] = engine[e].rowNonce[x];
#ifndef EARLY_OFFER
        offer(e, x, engine[e].nonce[x])
#endif
    :: else
    fi;
    engine[e].seq[x]++;
    decide(e, x, NOTHING, 0)
}

/* The row of an execution was refused: its memory is thrown away. */
inline abandon(e, x) {
    if
    :: engine[e].seq[x] == 0 -> engine[e].phase[x] = ABSENT
    :: else -> engine[e].phase[x] = UNLOADED
    fi;
    engine[e].nonce[x] = 0;
    engine[e].seq[x] = 0;
    engine[e].lost[x] = 0;
    decide(e, x, NOTHING, 0)
}

inline settle_written(e, c, x) {
    if
    :: (engine[e].written[c] & BIT(x)) != 0 -> settle(e, x)
    :: else
    fi
}

#ifdef NO_WRITER
#define IS_OURS(e, x) true
#else
#define IS_OURS(e, x) (journal[x].writer[engine[e].seq[x]] == engine[e].incarnation)
#endif

/* What stands where the row of an execution was to go. */
inline verdict(e, c, x) {
    if
    :: (engine[e].open[c] & BIT(x)) == 0
    :: else ->
        if
        :: engine[e].seq[x] < journal[x].count ->
            if
            :: IS_OURS(e, x) ->
                printf("engine %c finds row %d of execution %d to be its own\n", NAME(e), engine[e].seq[x], x);
                settle(e, x)
            :: else ->
                printf("engine %c finds row %d of execution %d written by another\n", NAME(e), engine[e].seq[x], x);
                if
                :: engine[e].row[x] == STARTED ->
                    /* The name is taken: the client is told of the execution that has it. */
                    check_durable(x, STARTED, 0)
                :: else
                fi;
                abandon(e, x)
            fi;
            engine[e].open[c] = engine[e].open[c] & ~BIT(x)
        :: else ->
            if
            :: lease != engine[e].incarnation ->
                printf("engine %c finds the lease lost\n", NAME(e));
                abandon(e, x);
                engine[e].open[c] = engine[e].open[c] & ~BIT(x)
            :: else
            fi
        fi
    fi
}

inline pick(e, c, x) {
    if
    :: WAITS(e, c, x) && engine[e].row[x] != PUBLISHED -> engine[e].open[c] = engine[e].open[c] | BIT(x)
    :: else
    fi
}

inline put(e, c, s, x) {
    if
    :: (engine[e].open[c] & BIT(x)) != 0 ->
        printf("    row %d of execution %d: %e\n", engine[e].seq[x], x, engine[e].row[x]);
        backend[s].row[x] = engine[e].row[x];
        backend[s].nonce[x] = engine[e].rowNonce[x];
        backend[s].seq[x] = engine[e].seq[x]
    :: else
    fi
}

/* Sends the open rows as one statement, always the same rows under the same keys. */
inline send(e, c) {
    printf("engine %c (incarnation %d) sends a statement\n", NAME(e), engine[e].incarnation);
    if
    :: backend[STATEMENT(e, c)].state == FREE -> n = STATEMENT(e, c)
    :: else -> n = STATEMENT(e, c) + 1
    fi;
    backend[n].state = SENT;
    backend[n].incarnation = engine[e].incarnation;
    backend[n].heard = 1;
    put(e, c, n, 0);
#if EXECUTIONS > 1
    put(e, c, n, 1);
#endif
    n = 0;
    engine[e].connection[c] = WAITING
}

inline give_up(e, c) {
    backend[STATEMENT(e, c)].heard = 0;
    backend[STATEMENT(e, c) + 1].heard = 0
}

/* The process has ended. */
inline hang_up(e, c) {
    give_up(e, c);
    engine[e].connection[c] = IDLE;
    engine[e].open[c] = 0;
    engine[e].written[c] = 0
}

inline forget(e, x) {
    engine[e].phase[x] = ABSENT;
    engine[e].seq[x] = 0;
    engine[e].nonce[x] = 0;
    engine[e].lost[x] = 0;
    decide(e, x, NOTHING, 0)
}

proctype Engine(byte e) {
end:
    do
    /* Taking the lease waits for appends under way. A holder that lives may be frozen, and come back at any time. Which
       engine is first does not matter. */
    :: d_step { engine[e].state == STANDBY && terms < TERMS && !IS_LOCKED && (terms > 0 || e == 0) ->
        terms++;
        lease = terms;
        printf("engine %c takes the lease as incarnation %d\n", NAME(e), lease);
        engine[e].incarnation = lease;
        engine[e].state = LOADING;
        engine[e].phase[0] = UNLOADED;
#if EXECUTIONS > 1
        engine[e].phase[1] = UNLOADED
#endif
    }
    :: engine[e].state == STANDBY && (HOLDS(0) || HOLDS(1)) -> skip /* stands by, as long as it likes */

    /* It dies, or finds its lease lost and ends, and is started again. The last holder stays, or nothing would move. */
    :: d_step { engine[e].state != STANDBY && (engine[e].incarnation != lease || terms < TERMS) ->
        printf("engine %c (incarnation %d) dies and is started again\n", NAME(e), engine[e].incarnation);
        hang_up(e, 0);
#if CONNECTIONS > 1
        hang_up(e, 1);
#endif
        engine[e].state = STANDBY;
        engine[e].incarnation = 0;
        forget(e, 0);
#if EXECUTIONS > 1
        forget(e, 1)
#endif
    }

    od
}

/* One of the connections that an engine appends on. */
proctype Connection(byte e, c) {
end:
    do
    /* What waits goes into one statement, a publishing row alone into one. */
    :: d_step { engine[e].connection[c] == IDLE && HAS_ROWS(e, c) && HAS_ROOM(e, c) ->
        pick(e, c, 0);
#if EXECUTIONS > 1
        pick(e, c, 1);
#endif
        if
        :: engine[e].open[c] == 0 && WAITS(e, c, 0) -> engine[e].open[c] = BIT(0)
        :: engine[e].open[c] == 0 && !WAITS(e, c, 0) -> engine[e].open[c] = BIT(1)
        :: else
        fi;
        send(e, c)
    }
    :: d_step { engine[e].connection[c] == WAITING && losses > 0 ->
        printf("engine %c waits no longer for an answer\n", NAME(e));
        losses--;
        give_up(e, c);
        engine[e].connection[c] = UNKNOWN
    }
    :: d_step { engine[e].connection[c] == UNKNOWN && HAS_ROOM(e, c) ->
#ifdef NEW_ROW_ON_RETRY
        if
        :: (engine[e].open[c] & BIT(0)) != 0 -> engine[e].seq[0]++
        :: else
        fi;
#if EXECUTIONS > 1
        if
        :: (engine[e].open[c] & BIT(1)) != 0 -> engine[e].seq[1]++
        :: else
        fi;
#endif
#endif
        send(e, c)
    }
    :: d_step { engine[e].connection[c] == REPLIED ->
        settle_written(e, c, 0);
#if EXECUTIONS > 1
        settle_written(e, c, 1);
#endif
        engine[e].open[c] = engine[e].open[c] & ~engine[e].written[c];
        engine[e].written[c] = 0;
        engine[e].connection[c] = (engine[e].open[c] == 0 -> IDLE : ASKING)
    }
    :: d_step { engine[e].connection[c] == ASKING ->
        verdict(e, c, 0);
#if EXECUTIONS > 1
        verdict(e, c, 1);
#endif
        engine[e].connection[c] = (engine[e].open[c] == 0 -> IDLE : UNKNOWN)
    }
    od
}

init {
    atomic {
        run Engine(0);
        run Engine(1);
        run Connection(0, 0);
        run Connection(1, 0);
#if CONNECTIONS > 1
        run Connection(0, 1);
        run Connection(1, 1);
        run Backend(4);
        run Backend(5);
        run Backend(6);
        run Backend(7);
#endif
        run Run(0, 0);
        run Run(1, 0);
#if EXECUTIONS > 1
        run Run(0, 1);
        run Run(1, 1);
#endif
        run Backend(0);
        run Backend(1);
        run Backend(2);
        run Backend(3)
    }
}

#ifdef PROGRESS
/* OFFER: as long as some engine lives, a scheduled task is offered in the end. */
ltl is_offered { [] (IS_SCHEDULED(0) -> <> IS_OFFERED(0)) }
/* END: and an execution that was started ends, if workers answer in the end. */
ltl has_ended { [] (journal[0].count > 0 -> <> (journal[0].last == PUBLISHED)) }
#endif
