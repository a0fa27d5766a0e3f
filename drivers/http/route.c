/* The routes: one row each.  404, 405 with its Allow, 411 and 415 follow from it. */
#include "drivers/http/internal.h"

#include <strings.h>

#define BOTH (HTTP_SURFACE_SERVICE | HTTP_SURFACE_MANAGEMENT)

/* clang-format off */
static const struct route_row {
	const char      *path;
	const char      *method_name;
	enum http_method method;
	uint8_t          surfaces;
	bool             takes_json; /* needs a body, and it must be JSON */
} rows[HTTP_ROUTE_COUNT] = {
	[HTTP_ROUTE_NONE]         = { "",                 "",     HTTP_METHOD_OTHER, 0,                       false },
	[HTTP_ROUTE_DECISIONS]    = { "/v1/decisions",    "POST", HTTP_METHOD_POST,  HTTP_SURFACE_SERVICE,    true },
	[HTTP_ROUTE_LABELS]       = { "/v1/labels",       "POST", HTTP_METHOD_POST,  HTTP_SURFACE_SERVICE,    true },
	[HTTP_ROUTE_LISTS]        = { "/v1/lists",        "POST", HTTP_METHOD_POST,  HTTP_SURFACE_SERVICE,    true },
	[HTTP_ROUTE_HEALTH_LIVE]  = { "/v1/health/live",  "GET",  HTTP_METHOD_GET,   BOTH,                    false },
	[HTTP_ROUTE_HEALTH_READY] = { "/v1/health/ready", "GET",  HTTP_METHOD_GET,   BOTH,                    false },
	[HTTP_ROUTE_VERSION]      = { "/v1/version",      "GET",  HTTP_METHOD_GET,   BOTH,                    false },
	[HTTP_ROUTE_METRICS]      = { "/metrics",         "GET",  HTTP_METHOD_GET,   HTTP_SURFACE_MANAGEMENT, false },
	[HTTP_ROUTE_STATUS]       = { "/v1/status",       "GET",  HTTP_METHOD_GET,   HTTP_SURFACE_MANAGEMENT, false },
	[HTTP_ROUTE_RELOAD]       = { "/v1/reload",       "POST", HTTP_METHOD_POST,  HTTP_SURFACE_MANAGEMENT, false },
};
/* clang-format on */

/* RFC 8259 section 11: application/json; parameters after ';' are ignored.  None at
 * all is taken as JSON, since nothing else is spoken here. */
static bool is_json(struct bytes type)
{
	static const char json[]     = "application/json";
	size_t            size_bytes = 0;

	while (size_bytes < type.size_bytes && type.data[size_bytes] != ';' &&
	       type.data[size_bytes] != ' ' && type.data[size_bytes] != '\t')
		size_bytes++;
	return type.size_bytes == 0 ||
	       (size_bytes == sizeof(json) - 1 &&
		strncasecmp((const char *)type.data, json, size_bytes) == 0);
}

static enum reason refusal_of(const struct http_parser *parser, const struct route_row *row)
{
	if (parser->request.method != row->method)
		return REASON_http_method;
	if (!row->takes_json)
		return REASON_NONE;
	if (!(parser->marks & (HTTP_MARK_LENGTH | HTTP_MARK_CODING)))
		return REASON_http_length_required;
	return is_json(parser->request.content_type) ? REASON_NONE : REASON_http_media_type;
}

/* Each path has one method, so the first row of the path decides. */
void http_route_decide(struct http_parser *parser)
{
	struct http_request *request = &parser->request;

	request->refusal = REASON_http_path;
	for (int route = HTTP_ROUTE_NONE + 1; route < HTTP_ROUTE_COUNT; route++) {
		const struct route_row *row = &rows[route];

		if (!(row->surfaces & parser->limits.surfaces) ||
		    !bytes_equal(request->path, bytes_of(row->path, strlen(row->path))))
			continue;
		request->refusal = refusal_of(parser, row);
		if (request->refusal == REASON_http_method)
			request->allow = row->method_name; /* RFC 9110 section 15.5.6 */
		else
			request->route = (enum http_route)route;
		return;
	}
}
