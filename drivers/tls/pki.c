/* Making certificates and revocation lists; see pki.h.  The library writes
 * certificates but no lists, and needs SHA-1 for key identifiers, which we do not
 * compile in: those are the first 20 bytes of a SHA-256 (RFC 7093 section 2). */
#include "drivers/tls/pki.h"

#include <arpa/inet.h>
#include <mbedtls/asn1write.h>
#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "drivers/tls/material.h"
#include "drivers/tls/port.h"
#include "runtime/base/digest.h"

#define PEM_BYTES_MAX     8192
#define NAMES_MAX         16
#define KEY_ID_BYTES      20
#define LIST_SERIALS_MAX  64
#define LIST_BYTES_MAX    4096
#define OID_CRL_SIGN_ALGO MBEDTLS_OID_ECDSA_SHA256

struct work {
	mbedtls_x509write_cert write;
	mbedtls_x509_crt       issuer;
	mbedtls_pk_context     key, issuer_key;
	mbedtls_x509_san_list  names[NAMES_MAX];
	size_t                 names_count;
	uint8_t                addresses[NAMES_MAX][16];
};

static void work_init(struct work *work)
{
	memset(work, 0, sizeof(*work));
	mbedtls_x509write_crt_init(&work->write);
	mbedtls_x509_crt_init(&work->issuer);
	mbedtls_pk_init(&work->key);
	mbedtls_pk_init(&work->issuer_key);
}

static void work_free(struct work *work)
{
	mbedtls_x509write_crt_free(&work->write);
	mbedtls_x509_crt_free(&work->issuer);
	mbedtls_pk_free(&work->key);
	mbedtls_pk_free(&work->issuer_key);
}

static int key_new(mbedtls_pk_context *key)
{
	int ret = mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
	if (ret != 0)
		return ret;
	return mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key), tls_port_random,
				   NULL);
}

static void utc_text(int64_t seconds, char text[24])
{
	time_t    time = seconds;
	struct tm utc;
	gmtime_r(&time, &utc);
	strftime(text, 24, "%Y%m%d%H%M%S", &utc);
}

static int name_add(struct work *work, int type, const void *data, size_t size_bytes)
{
	if (work->names_count == NAMES_MAX)
		return MBEDTLS_ERR_X509_BAD_INPUT_DATA;
	mbedtls_x509_san_list *san          = &work->names[work->names_count];
	san->node.type                      = type;
	san->node.san.unstructured_name.p   = (unsigned char *)data;
	san->node.san.unstructured_name.len = size_bytes;
	if (work->names_count++ > 0)
		san[-1].next = san;
	return 0;
}

static int names_add(struct work *work, int type, const char *const *texts)
{
	int ret = 0;
	for (size_t i = 0; ret == 0 && texts && texts[i]; i++)
		ret = name_add(work, type, texts[i], strlen(texts[i]));
	return ret;
}

static int addresses_add(struct work *work, const char *const *texts)
{
	int ret = 0;
	for (size_t i = 0; ret == 0 && texts && texts[i]; i++) {
		uint8_t *at = work->addresses[work->names_count % NAMES_MAX];
		if (inet_pton(AF_INET, texts[i], at) == 1)
			ret = name_add(work, MBEDTLS_X509_SAN_IP_ADDRESS, at, 4);
		else if (inet_pton(AF_INET6, texts[i], at) == 1)
			ret = name_add(work, MBEDTLS_X509_SAN_IP_ADDRESS, at, 16);
		else
			ret = MBEDTLS_ERR_X509_BAD_INPUT_DATA;
	}
	return ret;
}

static int names_write(struct work *work, const struct pki_recipe *recipe)
{
	int ret = names_add(work, MBEDTLS_X509_SAN_UNIFORM_RESOURCE_IDENTIFIER, recipe->uris);
	if (ret == 0)
		ret = names_add(work, MBEDTLS_X509_SAN_DNS_NAME, recipe->dns);
	if (ret == 0)
		ret = addresses_add(work, recipe->addresses);
	if (ret == 0 && work->names_count > 0)
		ret = mbedtls_x509write_crt_set_subject_alternative_name(&work->write, work->names);
	return ret;
}

static int constraints_write(struct work *work, const struct pki_recipe *recipe)
{
	if (recipe->no_constraints)
		return 0;
	return mbedtls_x509write_crt_set_basic_constraints(&work->write, recipe->ca,
							   recipe->path_length);
}

static int extended_write(struct work *work, unsigned usage)
{
	static char server[] = MBEDTLS_OID_SERVER_AUTH, client[] = MBEDTLS_OID_CLIENT_AUTH;
	mbedtls_asn1_sequence  list[2];
	mbedtls_asn1_sequence *first = NULL;

	memset(list, 0, sizeof(list));
	if (usage & PKI_SERVER_AUTH) {
		list[0].buf = (mbedtls_asn1_buf){ MBEDTLS_ASN1_OID, sizeof(server) - 1,
						  (unsigned char *)server };
		first       = &list[0];
	}
	if (usage & PKI_CLIENT_AUTH) {
		list[1].buf  = (mbedtls_asn1_buf){ MBEDTLS_ASN1_OID, sizeof(client) - 1,
						   (unsigned char *)client };
		list[1].next = first;
		first        = &list[1];
	}
	return first ? mbedtls_x509write_crt_set_ext_key_usage(&work->write, first) : 0;
}

static int usage_write(struct work *work, const struct pki_recipe *recipe)
{
	unsigned usage = 0;
	if (recipe->key_usage & PKI_DIGITAL_SIGNATURE)
		usage |= MBEDTLS_X509_KU_DIGITAL_SIGNATURE;
	if (recipe->key_usage & PKI_CERT_SIGN)
		usage |= MBEDTLS_X509_KU_KEY_CERT_SIGN;
	if (recipe->key_usage & PKI_CRL_SIGN)
		usage |= MBEDTLS_X509_KU_CRL_SIGN;
	int ret = usage ? mbedtls_x509write_crt_set_key_usage(&work->write, usage) : 0;
	return ret == 0 ? extended_write(work, recipe->extended_usage) : ret;
}

static int key_id(const mbedtls_pk_context *key, uint8_t out[KEY_ID_BYTES])
{
	uint8_t       der[256], sum[DIGEST_BYTES];
	struct digest digest;
	int           size_bytes = mbedtls_pk_write_pubkey_der(key, der, sizeof(der));
	if (size_bytes < 0)
		return size_bytes;
	digest_init(&digest);
	digest_add(&digest, der + sizeof(der) - size_bytes, (size_t)size_bytes);
	digest_end(&digest, sum);
	memcpy(out, sum, KEY_ID_BYTES);
	return 0;
}

/* RFC 5280 sections 4.2.1.1 and 4.2.1.2; Python's ssl insists on both. */
static int key_ids_write(struct work *work, const mbedtls_pk_context *issuer_key)
{
	uint8_t subject[2 + KEY_ID_BYTES]   = { 0x04, KEY_ID_BYTES };
	uint8_t authority[4 + KEY_ID_BYTES] = { 0x30, 2 + KEY_ID_BYTES, 0x80, KEY_ID_BYTES };
	int     ret                         = key_id(&work->key, subject + 2);
	if (ret == 0)
		ret = key_id(issuer_key, authority + 4);
	if (ret == 0)
		ret = mbedtls_x509write_crt_set_extension(
			&work->write, MBEDTLS_OID_SUBJECT_KEY_IDENTIFIER,
			MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_KEY_IDENTIFIER), 0, subject,
			sizeof(subject));
	if (ret == 0)
		ret = mbedtls_x509write_crt_set_extension(
			&work->write, MBEDTLS_OID_AUTHORITY_KEY_IDENTIFIER,
			MBEDTLS_OID_SIZE(MBEDTLS_OID_AUTHORITY_KEY_IDENTIFIER), 0, authority,
			sizeof(authority));
	return ret;
}

static int recipe_write(struct work *work, const struct pki_recipe *recipe, bool self)
{
	mbedtls_pk_context *issuer_key = self ? &work->key : &work->issuer_key;
	char                before[24], after[24], subject[128], issuer[256];
	uint8_t             serial[8];

	for (int i = 0; i < 8; i++)
		serial[i] = (uint8_t)(recipe->serial >> (56 - 8 * i));
	size_t zeros = 0;
	while (zeros < 7 && serial[zeros] == 0)
		zeros++;
	utc_text(recipe->not_before_s, before);
	utc_text(recipe->not_after_s, after);
	snprintf(subject, sizeof(subject), "CN=%s,O=Assay demo", recipe->name);
	snprintf(issuer, sizeof(issuer), "%s", subject);
	int ret = self ? 0 : mbedtls_x509_dn_gets(issuer, sizeof(issuer), &work->issuer.subject);
	if (ret < 0)
		return ret;
	mbedtls_x509write_crt_set_version(&work->write, MBEDTLS_X509_CRT_VERSION_3);
	mbedtls_x509write_crt_set_md_alg(&work->write, MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_subject_key(&work->write, &work->key);
	mbedtls_x509write_crt_set_issuer_key(&work->write, issuer_key);
	ret = mbedtls_x509write_crt_set_subject_name(&work->write, subject);
	if (ret == 0)
		ret = mbedtls_x509write_crt_set_issuer_name(&work->write, issuer);
	if (ret == 0)
		ret = mbedtls_x509write_crt_set_serial_raw(&work->write, serial + zeros, 8 - zeros);
	if (ret == 0)
		ret = mbedtls_x509write_crt_set_validity(&work->write, before, after);
	if (ret == 0)
		ret = names_write(work, recipe);
	if (ret == 0)
		ret = constraints_write(work, recipe);
	if (ret == 0)
		ret = usage_write(work, recipe);
	if (ret == 0)
		ret = key_ids_write(work, issuer_key);
	return ret;
}

static int pem_out(struct work *work, struct bytes *certificate, struct bytes *key)
{
	unsigned char *text     = calloc(1, PEM_BYTES_MAX);
	unsigned char *key_text = calloc(1, PEM_BYTES_MAX);

	*certificate = bytes_of(text, PEM_BYTES_MAX);
	*key         = bytes_of(key_text, PEM_BYTES_MAX);
	int ret      = text && key_text ? 0 : MBEDTLS_ERR_X509_ALLOC_FAILED;
	if (ret == 0)
		ret = mbedtls_x509write_crt_pem(&work->write, text, PEM_BYTES_MAX, tls_port_random,
						NULL);
	if (ret == 0)
		ret = mbedtls_pk_write_key_pem(&work->key, key_text, PEM_BYTES_MAX);
	if (ret == 0) {
		certificate->size_bytes = strlen((char *)text);
		key->size_bytes         = strlen((char *)key_text);
	} else {
		tls_file_free(certificate);
		tls_file_free(key);
	}
	return ret;
}

bool pki_make(const struct pki_recipe *recipe, struct bytes issuer_certificate,
	      struct bytes issuer_key, struct bytes *certificate, struct bytes *key, char *error,
	      size_t error_size_bytes)
{
	struct work work;
	bool        self = issuer_certificate.size_bytes == 0;

	*certificate = *key = bytes_of(NULL, 0);
	if (!tls_port_ready()) {
		snprintf(error, error_size_bytes, "the cryptographic library cannot start");
		return false;
	}
	work_init(&work);
	bool made = self || (tls_certificates_read(&work.issuer, issuer_certificate, "the issuer",
						   error, error_size_bytes) &&
			     tls_key_read(&work.issuer_key, issuer_key, "the issuer's key", error,
					  error_size_bytes));
	if (made) {
		int ret = key_new(&work.key);
		if (ret == 0)
			ret = recipe_write(&work, recipe, self);
		if (ret == 0)
			ret = pem_out(&work, certificate, key);
		if (ret != 0)
			tls_port_words(error, error_size_bytes, recipe->name, ret);
		made = ret == 0;
	}
	work_free(&work);
	return made;
}

/* ---- revocation lists.  DER is written from its end to its front. */

struct der {
	unsigned char  data[LIST_BYTES_MAX];
	unsigned char *at;
	bool           full;
};

static size_t der_done(struct der *der, int ret)
{
	if (ret < 0)
		der->full = true;
	return ret < 0 ? 0 : (size_t)ret;
}

static size_t der_raw(struct der *der, const void *data, size_t size_bytes)
{
	return der_done(der, mbedtls_asn1_write_raw_buffer(&der->at, der->data, data, size_bytes));
}

/* Puts tag and length before what was written last. */
static size_t der_wrap(struct der *der, unsigned char tag, size_t size_bytes)
{
	size_t head = der_done(der, mbedtls_asn1_write_len(&der->at, der->data, size_bytes));
	return size_bytes + head + der_done(der, mbedtls_asn1_write_tag(&der->at, der->data, tag));
}

#define SEQUENCE (MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE)

static size_t der_time(struct der *der, int64_t seconds)
{
	char text[24];
	utc_text(seconds, text);
	/* RFC 5280 section 5.1.2.4: UTCTime, a year of two digits, until 2049. */
	size_t size = der_raw(der, "Z", 1);
	size += der_raw(der, text + 2, strlen(text + 2));
	return der_wrap(der, MBEDTLS_ASN1_UTC_TIME, size);
}

static size_t der_serial(struct der *der, uint64_t serial)
{
	uint8_t data[9] = { 0 };
	size_t  skip    = 0;
	for (int i = 0; i < 8; i++)
		data[1 + i] = (uint8_t)(serial >> (56 - 8 * i));
	while (skip < 8 && data[skip] == 0 && data[skip + 1] < 0x80)
		skip++;
	return der_wrap(der, MBEDTLS_ASN1_INTEGER, der_raw(der, data + skip, 9 - skip));
}

static size_t der_algorithm(struct der *der)
{
	size_t oid = der_raw(der, OID_CRL_SIGN_ALGO, MBEDTLS_OID_SIZE(OID_CRL_SIGN_ALGO));
	return der_wrap(der, SEQUENCE, der_wrap(der, MBEDTLS_ASN1_OID, oid));
}

static size_t der_extension(struct der *der, const char *oid, size_t oid_bytes, size_t value_bytes)
{
	size_t size = der_wrap(der, MBEDTLS_ASN1_OCTET_STRING, value_bytes);
	size += der_wrap(der, MBEDTLS_ASN1_OID, der_raw(der, oid, oid_bytes));
	return der_wrap(der, SEQUENCE, size);
}

/* RFC 5280 sections 5.2.1 and 5.2.3: authority key identifier and list number. */
static size_t der_list_extensions(struct der *der, const uint8_t id[KEY_ID_BYTES], int64_t number)
{
	static const char aki[]        = MBEDTLS_OID_AUTHORITY_KEY_IDENTIFIER,
			  crl_number[] = "\x55\x1d\x14";
	size_t size                    = der_serial(der, (uint64_t)number);
	size         = der_extension(der, crl_number, sizeof(crl_number) - 1, size);
	size_t value = der_wrap(der, 0x80, der_raw(der, id, KEY_ID_BYTES));
	size += der_extension(der, aki, sizeof(aki) - 1, der_wrap(der, SEQUENCE, value));
	size = der_wrap(der, SEQUENCE, size);
	return der_wrap(der, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_CONTEXT_SPECIFIC, size);
}

struct list_plan {
	const uint64_t *serials;
	size_t          count;
	int64_t         this_update_s, next_update_s;
	uint8_t         key_id[KEY_ID_BYTES];
};

static size_t der_list_body(struct der *der, const struct list_plan *plan, mbedtls_x509_buf issuer)
{
	size_t size    = der_list_extensions(der, plan->key_id, plan->this_update_s);
	size_t entries = 0;
	for (size_t i = plan->count; i > 0; i--) {
		size_t entry = der_time(der, plan->this_update_s);
		entry += der_serial(der, plan->serials[i - 1]);
		entries += der_wrap(der, SEQUENCE, entry);
	}
	if (entries > 0)
		size += der_wrap(der, SEQUENCE, entries);
	size += der_time(der, plan->next_update_s);
	size += der_time(der, plan->this_update_s);
	size += der_raw(der, issuer.p, issuer.len);
	size += der_algorithm(der);
	size += der_serial(der, 1); /* version 2 */
	return der_wrap(der, SEQUENCE, size);
}

static int list_write(struct work *work, const struct list_plan *plan, struct bytes *list)
{
	struct der    body  = { .at = body.data + sizeof(body.data) };
	struct der    whole = { .at = whole.data + sizeof(whole.data) };
	unsigned char hash[DIGEST_BYTES], signature[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
	size_t        signature_bytes, text_bytes;
	struct digest digest;

	size_t size = der_list_body(&body, plan, work->issuer.subject_raw);
	digest_init(&digest);
	digest_add(&digest, body.at, size);
	digest_end(&digest, hash);
	int ret = mbedtls_pk_sign(&work->issuer_key, MBEDTLS_MD_SHA256, hash, sizeof(hash),
				  signature, sizeof(signature), &signature_bytes, tls_port_random,
				  NULL);
	if (ret != 0)
		return ret;
	size_t total = der_raw(&whole, signature, signature_bytes);
	total += der_raw(&whole, "", 1); /* no unused bits */
	total = der_wrap(&whole, MBEDTLS_ASN1_BIT_STRING, total);
	total += der_algorithm(&whole);
	total += der_raw(&whole, body.at, size);
	total = der_wrap(&whole, SEQUENCE, total);
	if (body.full || whole.full)
		return MBEDTLS_ERR_ASN1_BUF_TOO_SMALL;
	unsigned char *text = calloc(1, PEM_BYTES_MAX);
	if (!text)
		return MBEDTLS_ERR_X509_ALLOC_FAILED;
	*list = bytes_of(text, PEM_BYTES_MAX);
	ret   = mbedtls_pem_write_buffer("-----BEGIN X509 CRL-----\n", "-----END X509 CRL-----\n",
					 whole.at, total, text, PEM_BYTES_MAX, &text_bytes);
	if (ret == 0)
		list->size_bytes = text_bytes - 1;
	else
		tls_file_free(list);
	return ret;
}

bool pki_make_list(struct bytes issuer_certificate, struct bytes issuer_key,
		   const uint64_t *serials, size_t serials_count, int64_t this_update_s,
		   int64_t next_update_s, struct bytes *list, char *error, size_t error_size_bytes)
{
	struct work      work;
	struct list_plan plan = { .serials       = serials,
				  .count         = serials_count,
				  .this_update_s = this_update_s,
				  .next_update_s = next_update_s };

	*list = bytes_of(NULL, 0);
	if (serials_count > LIST_SERIALS_MAX) {
		snprintf(error, error_size_bytes, "a list made here has at most %d entries",
			 LIST_SERIALS_MAX);
		return false;
	}
	work_init(&work);
	bool made = tls_certificates_read(&work.issuer, issuer_certificate, "the issuer", error,
					  error_size_bytes) &&
		    tls_key_read(&work.issuer_key, issuer_key, "the issuer's key", error,
				 error_size_bytes);
	if (made) {
		int ret = key_id(&work.issuer_key, plan.key_id);
		if (ret == 0)
			ret = list_write(&work, &plan, list);
		if (ret != 0)
			tls_port_words(error, error_size_bytes, "the revocation list", ret);
		made = ret == 0;
	}
	work_free(&work);
	return made;
}
