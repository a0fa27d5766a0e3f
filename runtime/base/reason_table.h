/* The rows of the failure table; see reason.h.  No include guard: included more
 * than once on purpose.
 *
 *     name                    action   http meaning, as an operator should read it */
/* link and transport */
REASON(frame_malformed,        COUNT,   0,   "a frame was dropped: its Ethernet, IP or TCP header is not valid")
REASON(connections_full,       CLOSE,   0,   "a connection was refused: tcp.connections_max are open")
REASON(idle_timeout,           CLOSE,   0,   "a connection was closed: it was idle longer than http.idle_seconds or tcp.idle_seconds")
REASON(header_timeout,         REPLY,   408, "a request did not arrive within http.header_seconds, or its body within http.body_seconds")
REASON(peer_reset,             CLOSE,   0,   "the peer reset the connection")
/* TLS */
REASON(tls_handshake_failed,   CLOSE,   0,   "a TLS handshake failed; the peer and the alert are in the log")
REASON(tls_client_refused,     CLOSE,   0,   "a client certificate was refused: expired, revoked, foreign or unfit")
REASON(tls_identity_unknown,   CLOSE,   0,   "a valid certificate names an identity that is not in the callers table")
REASON(tls_record_limit,       CLOSE,   0,   "a connection was closed before its key's record limit")
REASON(tls_rng_failed,         CLOSE,   0,   "the random number generator failed; the listener has stopped")
/* HTTP */
REASON(http_malformed,         REPLY,   400, "request is not valid HTTP/1.1")
REASON(http_method,            REPLY,   405, "this path does not take that method")
REASON(http_path,              REPLY,   404, "no such path")
REASON(http_version,           REPLY,   505, "only HTTP/1.1 is spoken here")
REASON(http_host,              REPLY,   400, "an HTTP/1.1 request needs exactly one Host header")
REASON(http_length,            REPLY,   400, "request framing is ambiguous: Content-Length and Transfer-Encoding disagree or repeat")
REASON(http_length_required,   REPLY,   411, "a request body needs a Content-Length or chunked encoding")
REASON(http_too_long,          REPLY,   413, "request is longer than http.body_bytes_max")
REASON(http_target_too_long,   REPLY,   414, "request target is longer than http.target_bytes_max")
REASON(http_headers_too_large, REPLY,   431, "request headers exceed http.header_bytes_max or http.headers_max")
REASON(http_expectation,       REPLY,   417, "only Expect: 100-continue is understood")
REASON(http_media_type,        REPLY,   415, "the body must be application/json")
REASON(http_forbidden,         REPLY,   403, "the caller's identity may not call this path")
/* decoding */
REASON(json_malformed,         REPLY,   400, "body is not valid JSON")
REASON(json_encoding,          REPLY,   400, "body is not valid UTF-8")
REASON(json_depth,             REPLY,   400, "body is nested deeper than any can be")
REASON(batch_empty,            REPLY,   422, "a batch needs at least one element")
REASON(batch_too_large,        REPLY,   413, "a batch has more than decode.batch_max elements")
REASON(field_missing,          REPLY,   422, "the body lacks a required field")
REASON(field_repeated,         REPLY,   422, "the body names a field twice")
REASON(field_unknown,          REPLY,   422, "the body has a field that is not known")
REASON(field_type,             REPLY,   422, "the body has a field of the wrong type")
REASON(field_range,            REPLY,   422, "the body has a field outside its range")
REASON(field_format,           REPLY,   422, "the body has a field in the wrong form")
REASON(currency_unknown,       REPLY,   422, "currency is not an ISO 4217 code in use")
REASON(amount_precision,       REPLY,   422, "amount has more decimals than its currency has minor units")
REASON(feature_unknown,        REPLY,   422, "transaction supplies a feature that no model uses")
/* deciding: after decode, nothing fails into approval */
REASON(model_missing,          REVIEW,  200, "no model is loaded; a person must look")
REASON(model_output_invalid,   REVIEW,  200, "the model's output is not a finite number; a person must look")
REASON(feature_missing,        COUNT,   200, "a feature the model uses was not supplied; the model's missing-value branch was taken")
/* lists that rules use */
REASON(list_unknown,           REPLY,   404, "the rules declare no list of this name")
REASON(list_full,              REPLY,   409, "the list has as many entries as its room in the rules")
REASON(deadline_model,         REVIEW,  200, "the deadline came before the model ran; deadline.on_missed_model decided")
REASON(deadline_rules,         REVIEW,  200, "the deadline came before the rules ran; deadline.on_missed_rules decided")
REASON(deadline_refused,       REPLY,   503, "the deadline came before a stage ran, and the deadline table wants no decision then")
REASON(model_refused,          REPLY,   503, "the model gave no valid output, and decision.on_model_invalid wants no decision then")
REASON(time_ahead,             REPLY,   422, "the payment's time is ahead of the appliance's clock by more than state.future_seconds")
REASON(repeat_conflict,        REPLY,   409, "this id was used before for another transaction")
REASON(engine_backlog,         REPLY,   503, "more transactions are in the engine than it has room for; ask again")
/* audit */
REASON(audit_backlog,          REPLY,   503, "the audit ring is full: the disk is slower than the callers")
REASON(audit_unwritable,       REPLY,   503, "the audit log cannot be written (disk full or failing); nothing is decided until it can")
/* service */
REASON(not_ready,              REPLY,   503, "the appliance is starting or stopping")
REASON(internal,               REPLY,   500, "an internal limit was hit; this is a defect, report it with the log")
/* newer rows; audit records hold the name of a row, so that it may stand anywhere */
REASON(handshakes_full,        CLOSE,   0,   "a connection was refused: tls.handshakes_max handshakes are under way")
REASON(revocation_list_old,    REPLY,   503, "tls.revocation_list is past its next update or tls.revocation_max_age_hours: its issuer's callers are refused")
REASON(rule_unknown,           REPLY,   404, "no rule or typology has this id")
