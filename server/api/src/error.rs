//! Errors as Prometheus' API words and numbers them.

use axum::http::StatusCode;

/// `errorType` of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorType {
    /// The query took too long.
    Timeout,
    /// The caller went away.
    Canceled,
    /// The query could not be evaluated.
    Execution,
    /// A parameter is missing or malformed.
    BadData,
    /// Our own fault.
    Internal,
    /// Not ready, or not offered in this mode.
    Unavailable,
    /// There is no such thing.
    NotFound,
}

/// An error with the words for the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// Kind.
    pub kind: ErrorType,
    /// Words.
    pub message: String,
}

impl ApiError {
    /// A malformed or missing parameter.
    pub fn bad_data(message: impl Into<String>) -> ApiError {
        ApiError { kind: ErrorType::BadData, message: message.into() }
    }

    /// A parameter that cannot be read: `invalid parameter "time": ...`.
    pub fn parameter(name: &str, problem: impl std::fmt::Display) -> ApiError {
        ApiError::bad_data(format!("invalid parameter {name:?}: {problem}"))
    }

    /// A fault of the store or of this program.
    pub fn internal(message: impl std::fmt::Display) -> ApiError {
        ApiError { kind: ErrorType::Internal, message: message.to_string() }
    }

    /// Something that is not there.
    pub fn not_found(message: impl Into<String>) -> ApiError {
        ApiError { kind: ErrorType::NotFound, message: message.into() }
    }
}

impl ErrorType {
    /// As it stands in the answer.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorType::Timeout => "timeout",
            ErrorType::Canceled => "canceled",
            ErrorType::Execution => "execution",
            ErrorType::BadData => "bad_data",
            ErrorType::Internal => "internal",
            ErrorType::Unavailable => "unavailable",
            ErrorType::NotFound => "not_found",
        }
    }

    /// The HTTP status that goes with it.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            ErrorType::Timeout | ErrorType::Canceled | ErrorType::Unavailable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            ErrorType::Execution => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorType::BadData => StatusCode::BAD_REQUEST,
            ErrorType::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            ErrorType::NotFound => StatusCode::NOT_FOUND,
        }
    }
}
