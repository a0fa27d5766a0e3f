#include "firmware/live.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEM_BYTES_MAX (8u << 20) /* revocation lists of a large bank run to megabytes */

/* The application protocol of both listeners (RFC 7301). */
static const char *const alpn[] = { "http/1.1", NULL };

uint32_t live_may(const struct live *live, struct bytes identity)
{
	for (uint32_t i = 0; i < live->config.callers_count; i++) {
		const struct config_caller *caller = &live->config.callers[i];

		if (strlen(caller->identity) == identity.size_bytes &&
		    memcmp(caller->identity, identity.data, identity.size_bytes) == 0)
			return caller->may;
	}
	return 0;
}

static bool known(void *ctx, struct bytes identity)
{
	return live_may(ctx, identity) != 0;
}

struct pem_files {
	struct bytes certificate, key, issuers, revocation_list;
};

static void free_pem(struct pem_files *files)
{
	tls_file_free(&files->certificate);
	tls_file_free(&files->key);
	tls_file_free(&files->issuers);
	tls_file_free(&files->revocation_list);
}

static bool read_pem(const struct live *live, const char *certificate, const char *key,
		     const char *issuers, struct pem_files *files, char error[LIVE_ERROR_BYTES])
{
	const char *list = live->config.tls.revocation_list;

	*files = (struct pem_files){ 0 };
	return tls_file_read(certificate, PEM_BYTES_MAX, &files->certificate, error,
			     LIVE_ERROR_BYTES) &&
	       tls_file_read(key, PEM_BYTES_MAX, &files->key, error, LIVE_ERROR_BYTES) &&
	       tls_file_read(issuers, PEM_BYTES_MAX, &files->issuers, error, LIVE_ERROR_BYTES) &&
	       (list[0] == '\0' || tls_file_read(list, PEM_BYTES_MAX, &files->revocation_list,
						 error, LIVE_ERROR_BYTES));
}

static bool make_server(struct live *live, const struct live_options *options, bool management,
			struct tls_server **out, char error[LIVE_ERROR_BYTES])
{
	const struct config_tls        *tls  = &live->config.tls;
	const struct config_management *mgmt = &live->config.management;
	struct pem_files                files;
	struct tls_options              made;
	bool                            ok;

	ok = read_pem(live, management ? mgmt->certificate : tls->certificate,
		      management ? mgmt->key : tls->key, management ? mgmt->issuers : tls->issuers,
		      &files, error);
	if (ok) {
		made = (struct tls_options){
			.certificate     = files.certificate,
			.key             = files.key,
			.issuers         = files.issuers,
			.revocation_list = files.revocation_list,
			.minimum_version = tls->minimum_version == CONFIG_TLS_1_2 ? TLS_VERSION_1_2
										  : TLS_VERSION_1_3,
			.alpn            = alpn,
			.policy          = { .known = known, .ctx = live, .epoch = options->epoch },
			.tickets         = management || !tls->tickets ? NULL : options->tickets,
		};
		ok = tls_server_make(&made, options->wall_ns, out, error, LIVE_ERROR_BYTES);
	}
	free_pem(&files);
	return ok;
}

/* The shadow is a whole brain of its own, with the live one's parts where it names none. */
static bool make_shadow(struct live *live, const struct live_options *options,
			char error[LIVE_ERROR_BYTES])
{
	const struct config_shadow *shadow = &live->config.shadow;
	struct brain_options        brain  = { .lists = options->lists };
	struct config              *config;
	bool                        ok;

	if (!shadow->enabled)
		return true;
	config = malloc(sizeof(*config));
	assert(config);
	*config = live->config;
	if (shadow->model_file[0] != '\0') {
		memcpy(config->model.file, shadow->model_file, sizeof(config->model.file));
		config->model.digest[0] = '\0';
	}
	if (shadow->rules_file[0] != '\0')
		memcpy(config->rules.file, shadow->rules_file, sizeof(config->rules.file));
	config->decision.review_threshold  = shadow->review_threshold;
	config->decision.decline_threshold = shadow->decline_threshold;
	ok = brain_make(&live->shadow, config, &live->names, &brain, error);
	free(config);
	live->has_shadow = ok;
	return ok;
}

bool live_make(const struct live_options *options, struct live **out, char error[LIVE_ERROR_BYTES])
{
	struct live         *live  = calloc(1, sizeof(*live));
	struct brain_options brain = { .slot = options->slot, .lists = options->lists };
	bool                 ok;

	assert(live);
	live->config = *options->config;
	live->epoch  = options->epoch;
	config_feature_names(&live->config, &live->names);
	ok = brain_make(&live->brain, &live->config, &live->names, &brain, error) &&
	     make_shadow(live, options, error);
	if (ok && !options->offline)
		ok = make_server(live, options, false, &live->service, error) &&
		     make_server(live, options, true, &live->management, error);
	if (!ok) {
		live_free(live);
		return false;
	}
	*out = live;
	return true;
}

void live_free(struct live *live)
{
	if (!live)
		return;
	tls_server_release(live->service);
	tls_server_release(live->management);
	brain_free(&live->brain);
	brain_free(&live->shadow);
	free(live);
}
