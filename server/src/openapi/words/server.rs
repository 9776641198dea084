//! Words about the server itself.

use super::{Answers, Words};
use crate::problem::Code;

pub(super) static ROUTES: &[Words] = &[
    Words {
        name: "GET /livez",
        id: "live",
        tag: "Server",
        summary: "Whether the server lives",
        text: "",
        answer: Answers::Found("Health"),
        answer_text: "It does.",
        codes: &[],
    },
    Words {
        name: "GET /readyz",
        id: "ready",
        tag: "Server",
        summary: "Whether the server takes commands",
        text: "With verbose: what recovery found at the start.",
        answer: Answers::Found("Health"),
        answer_text: "It does.",
        codes: &[Code::Replaying, Code::Draining, Code::StorageFailed],
    },
    Words {
        name: "GET /problems",
        id: "listProblems",
        tag: "Server",
        summary: "All problem codes",
        text: "",
        answer: Answers::Text("text/html"),
        answer_text: "A page.",
        codes: &[],
    },
    Words {
        name: "GET /problems/{code}",
        id: "explainProblem",
        tag: "Server",
        summary: "What a problem code means",
        text: "",
        answer: Answers::Text("text/html"),
        answer_text: "A page.",
        codes: &[Code::RouteNotFound],
    },
    Words {
        name: "GET /openapi.json",
        id: "openapi",
        tag: "Server",
        summary: "This description",
        text: "",
        answer: Answers::Text("application/json"),
        answer_text: "OpenAPI 3.1.",
        codes: &[],
    },
    Words {
        name: "GET /docs",
        id: "docs",
        tag: "Server",
        summary: "This description, for people",
        text: "",
        answer: Answers::Text("text/html"),
        answer_text: "A page.",
        codes: &[],
    },
];
