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

static_assert(CONFIG_IDENTITY_BYTES == TLS_IDENTITY_BYTES_MAX + 1, "what can be listed can call");

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

/* The four files of a listener, and what each is called where. */
struct pem_names {
	const char *group; /* "tls" or "management", of the keys in errors */
	const char *certificate, *key, *issuers, *revocation_list;
};

static struct pem_names names_of(const struct config *config, bool management)
{
	const struct config_tls        *tls  = &config->tls;
	const struct config_management *mgmt = &config->management;

	if (management)
		return (struct pem_names){ "management", mgmt->certificate, mgmt->key,
					   mgmt->issuers, mgmt->revocation_list };
	return (struct pem_names){ "tls", tls->certificate, tls->key, tls->issuers,
				   tls->revocation_list };
}

static bool read_one(const char *group, const char *key, const char *path, struct bytes *out,
		     char error[LIVE_ERROR_BYTES])
{
	char why[LIVE_ERROR_BYTES];

	if (path[0] == '\0' || tls_file_read(path, PEM_BYTES_MAX, out, why, sizeof(why)))
		return true;
	snprintf(error, LIVE_ERROR_BYTES, "%s.%s: %.900s", group, key, why);
	return false;
}

static bool read_pem(const struct pem_names *names, struct pem_files *files,
		     char error[LIVE_ERROR_BYTES])
{
	const char *group = names->group;

	*files = (struct pem_files){ 0 };
	return read_one(group, "certificate", names->certificate, &files->certificate, error) &&
	       read_one(group, "key", names->key, &files->key, error) &&
	       read_one(group, "issuers", names->issuers, &files->issuers, error) &&
	       read_one(group, "revocation_list", names->revocation_list, &files->revocation_list,
			error);
}

/* tls_server_make begins its sentence with what it is about (tls.h). */
static void name_file(const struct pem_names *names, const char *why, char error[LIVE_ERROR_BYTES])
{
	const struct {
		const char *begins, *key, *path;
	} files[] = {
		{ "our certificate", "certificate", names->certificate },
		{ "our key", "key", names->key },
		{ "issuer ", "issuers", names->issuers },
		{ "the issuers", "issuers", names->issuers },
		{ "the revocation list", "revocation_list", names->revocation_list },
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (strncmp(why, files[i].begins, strlen(files[i].begins)) != 0)
			continue;
		snprintf(error, LIVE_ERROR_BYTES, "%s.%s: %.512s: %.400s", names->group,
			 files[i].key, files[i].path, why);
		return;
	}
	snprintf(error, LIVE_ERROR_BYTES, "%s: %.900s", names->group, why);
}

static bool make_server(struct live *live, const struct live_options *options, bool management,
			struct tls_server **out, char error[LIVE_ERROR_BYTES])
{
	const struct config_tls *tls   = &live->config.tls;
	struct pem_names         names = names_of(&live->config, management);
	struct pem_files         files;
	struct tls_options       made;
	char                     why[TLS_ERROR_BYTES_MAX] = "";
	bool                     ok                       = read_pem(&names, &files, error);

	if (ok) {
		made = (struct tls_options){
			.certificate          = files.certificate,
			.key                  = files.key,
			.issuers              = files.issuers,
			.revocation_list      = files.revocation_list,
			.revocation_max_age_s = tls->revocation_max_age_hours * 3600,
			.minimum_version = tls->minimum_version == CONFIG_TLS_1_2 ? TLS_VERSION_1_2
										  : TLS_VERSION_1_3,
			.alpn            = alpn,
			.policy          = { .known = known, .ctx = live, .epoch = options->epoch },
			.tickets         = management || !tls->tickets ? NULL : options->tickets,
		};
		ok = tls_server_make(&made, options->wall_ns, out, why, sizeof(why));
		if (!ok)
			name_file(&names, why, error);
	}
	free_pem(&files);
	return ok;
}

bool live_lists_are_good(const struct live *live, int64_t wall_ns)
{
	/* In whole seconds, as each caller is checked. */
	return live->lists_good_until_ns == 0 ||
	       wall_ns / 1000000000 <= live->lists_good_until_ns / 1000000000;
}

static bool make_servers(struct live *live, const struct live_options *options,
			 char error[LIVE_ERROR_BYTES])
{
	struct tls_server_facts facts;

	if (!make_server(live, options, false, &live->service, error) ||
	    !make_server(live, options, true, &live->management, error))
		return false;
	tls_server_facts(live->service, &facts);
	live->lists_good_until_ns = facts.revocation_good_until_ns;
	return true;
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
		ok = make_servers(live, options, error);
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
