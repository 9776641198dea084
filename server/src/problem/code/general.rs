//! What is true of each code that no rule of the business stands behind.

use hyper::StatusCode;

use super::{Facts, again, fact};

/// In the order of the codes.
pub(super) static FACTS: &[Facts] = &[
    fact(
        StatusCode::BAD_REQUEST,
        "malformed-json",
        "The body is not JSON",
        "The body could not be parsed; line and column say where. Nothing was changed.",
    ),
    fact(
        StatusCode::BAD_REQUEST,
        "malformed-request",
        "The request is not sound HTTP",
        "A header is missing, doubled or contradicts another one, or the path has a percent sign that stands for no byte of a text. Nothing was changed.",
    ),
    fact(
        StatusCode::BAD_REQUEST,
        "invalid-parameter",
        "A query parameter is not right",
        "A parameter is unknown, doubled, or has a value that it cannot have; errors names it.",
    ),
    fact(
        StatusCode::BAD_REQUEST,
        "invalid-cursor",
        "The cursor is not right",
        "The cursor is damaged or was given out for another list. Start again without a cursor, or take next_cursor of the same list with the same filters.",
    ),
    fact(
        StatusCode::BAD_REQUEST,
        "invalid-idempotency-key",
        "The Idempotency-Key header is not right",
        "The header must come once and hold 1 to 255 visible ASCII characters, in double quotes or bare.",
    ),
    fact(
        StatusCode::NOT_FOUND,
        "route-not-found",
        "There is nothing at this path",
        "The path is not part of the API. /docs lists every route.",
    ),
    fact(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "The path does not know this method",
        "The Allow header lists the methods that the path knows.",
    ),
    fact(
        StatusCode::REQUEST_TIMEOUT,
        "request-timeout",
        "The body did not arrive in time",
        "The server waits a limited time for a body. Nothing was changed; send the request again.",
    ),
    again(
        "1",
        fact(
            StatusCode::CONFLICT,
            "idempotency-running",
            "The first request with this key is still running",
            "Ask again with the same key and the same body: the answer will be that of the first request.",
        ),
    ),
    fact(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body-too-large",
        "The body is too large",
        "A body may have 64 KiB, that of POST /v1/bulk 4 MiB. Nothing was changed.",
    ),
    fact(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported-media-type",
        "The body is not application/json",
        "Send the header Content-Type: application/json, and no Content-Encoding.",
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "invalid-field",
        "A field is not right",
        "A field is missing, unknown, doubled, of the wrong type or out of range; errors lists each with its JSON pointer, or names the period of the path. Nothing was changed.",
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "idempotency-mismatch",
        "The key was used for another request",
        "The Idempotency-Key came before with another path or another body. Use a fresh key for a new request.",
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "idempotency-key-per-item",
        "Bulk takes a key per item",
        "POST /v1/bulk takes an Idempotency-Key header only when it is atomic. Otherwise give each operation its own key member.",
    ),
    again(
        "1",
        fact(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-requests",
            "Too many requests for one wallet",
            "Too many requests wait for this wallet. Nothing was changed; try again a little later.",
        ),
    ),
    fact(
        StatusCode::INTERNAL_SERVER_ERROR,
        "outcome-unknown",
        "Whether this was kept is not known",
        "The disk failed after the decision. After the next start, ask again with the same Idempotency-Key: the request is carried out once.",
    ),
    fact(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal-error",
        "The server has a defect",
        "The request met a defect of the server. Nothing was changed. The X-Request-Id of the answer finds the log line.",
    ),
    fact(
        StatusCode::INTERNAL_SERVER_ERROR,
        "record-unreadable",
        "A record could not be read back",
        "A stored record could not be read. The X-Request-Id of the answer finds the log line.",
    ),
    fact(
        StatusCode::INTERNAL_SERVER_ERROR,
        "snapshot-failed",
        "No snapshot was made",
        "The older snapshots are as they were, and so is everything else. The detail says why; the log and `/metrics` say whether it is a disk or a difference.",
    ),
    fact(
        StatusCode::INTERNAL_SERVER_ERROR,
        "compaction-failed",
        "No segments were archived",
        "What was not archived stays in its segments, and everything is read as before; what was half done is done again next time. The detail says why: a full or failing disk, or a damaged segment, which `wal-tool verify` names.",
    ),
    fact(
        StatusCode::NOT_IMPLEMENTED,
        "method-unknown",
        "The server does not know this method",
        "The method is not one of those that HTTP defines.",
    ),
    again(
        "1",
        fact(
            StatusCode::SERVICE_UNAVAILABLE,
            "overloaded",
            "The server has too much to do",
            "Too much is in flight. Nothing was changed; try again a little later.",
        ),
    ),
    again(
        "5",
        fact(
            StatusCode::SERVICE_UNAVAILABLE,
            "storage-full",
            "The storage is full",
            "There is no room to write. Nothing was changed; reads go on, and writes resume when there is room.",
        ),
    ),
    again(
        "5",
        fact(
            StatusCode::SERVICE_UNAVAILABLE,
            "storage-failed",
            "The storage failed",
            "The disk failed and the server is about to end. Replay decides what was kept.",
        ),
    ),
    again(
        "60",
        fact(
            StatusCode::SERVICE_UNAVAILABLE,
            "key-table-full",
            "No more idempotency keys can be remembered",
            "Keyed requests are refused until remembered keys pass out of their window. Nothing was changed.",
        ),
    ),
    again(
        "5",
        fact(
            StatusCode::SERVICE_UNAVAILABLE,
            "draining",
            "The server is stopping",
            "The server finishes what it has begun and takes nothing new. Nothing was changed.",
        ),
    ),
    again(
        "1",
        fact(
            StatusCode::SERVICE_UNAVAILABLE,
            "replaying",
            "The server is starting",
            "The log is being replayed. Nothing was changed; /readyz says when it is done.",
        ),
    ),
    again(
        "2",
        fact(
            StatusCode::SERVICE_UNAVAILABLE,
            "history-behind",
            "The history is being indexed",
            "The index of histories, or the daily report, is being read from the log after it was lost. Balances and commands are not affected.",
        ),
    ),
    fact(
        StatusCode::UNPROCESSABLE_ENTITY,
        "moment-ahead",
        "That moment has not come",
        "The past of a wallet was asked for at a time, or an LSN, that still lies ahead.",
    ),
    fact(
        StatusCode::GONE,
        "history-gone",
        "The log no longer goes back that far",
        "What is asked for happened before the beginning of the log: the operator has set for how long history is kept, \
         and what is older was deleted. Balances are not affected. Trying again does not help.",
    ),
];
