/* erf by polynomials, one for each half of a unit. */
#include <math.h>
#include <stdint.h>

#include "runtime/model/fmath.h"
#include "runtime/model/fmath_table.h"

/* From the highest power down.  The first row is erf(x) / x in x^2, for x below 1/2; row k
 * is erf(k/2 + 1/4 + t) in t.  Chebyshev fits computed with 40 digits; none is further than
 * 6e-11 from erf. */
const double fmath_erf_rows[8][FMATH_ERF_TERMS] = {
	{ 0x1.8b4b60851826bp-20, -0x1.f224dfc5409afp-17, 0x1.f98db34e8872ep-14,
	  -0x1.c02d4f6e4921ap-11, 0x1.565bcbf8e0365p-8, -0x1.b82ce30f2b28fp-6, 0x1.ce2f21a03d814p-4,
	  -0x1.812746b0379b5p-2, 0x1.20dd750429b6dp+0 },
	{ 0x1.30f2cd2fb5ee1p-9, 0x1.250894a17c2b2p-6, -0x1.b84c4326d3135p-6, -0x1.b3f44a6e240ddp-5,
	  0x1.349b614de8009p-3, 0x1.b6e67bcf64a1ep-6, -0x1.edc56444e81d8p-2, 0x1.492e42e96ffb4p-1,
	  0x1.6c1c9759d0e5fp-1 },
	{ -0x1.6e22c34452e5bp-8, 0x1.eae39ee2b0c77p-9, 0x1.5cea4188bcedfp-6, -0x1.828d64c04f958p-5,
	  -0x1.93a8253f4e7d7p-8, 0x1.571d0e965685dp-3, -0x1.2ebf3dd3ddad6p-2, 0x1.e4652f9e71bb6p-3,
	  0x1.d8865d98abe01p-1 },
	{ 0x1.5e960c580a7ffp-11, -0x1.84d4da485e68ep-8, 0x1.25cb7d26008f4p-7, 0x1.b1bf8c8c5b821p-8,
	  -0x1.8a0dbfe4f9197p-5, 0x1.7148df4613197p-4, -0x1.7a4a8a1be51e7p-4, 0x1.b0552ff046b06p-5,
	  0x1.f92d077f8d56dp-1 },
	{ 0x1.0582d72a61b74p-10, -0x1.7a4bd6da2d180p-11, -0x1.7caae7bb9c159p-9,
	  0x1.5d4f13292232bp-7, -0x1.38a984efeb9b4p-6, 0x1.63ef359a6b417p-6, -0x1.074b60f6b79d1p-6,
	  0x1.d4143b7278e51p-8, 0x1.ff404760319b4p-1 },
	{ -0x1.54f75b1e12f20p-14, 0x1.4d5a32d8353acp-11, -0x1.b28da020aa0c7p-10,
	  0x1.6945c3d5b9657p-9, -0x1.ab0bf151d0162p-9, 0x1.69cefe5360e15p-9, -0x1.a6a51a2273b80p-10,
	  0x1.3360ce2ca8eb6p-11, 0x1.fff2cfb0453d9p-1 },
	{ -0x1.57b929dce9dffp-14, 0x1.6c0f4c7481dfbp-13, -0x1.1450b0501e77dp-12,
	  0x1.48dd152742507p-12, -0x1.2c7d6f37bdf42p-12, 0x1.9aa61b3f8b4a2p-13,
	  -0x1.8de3ccdb3d2a8p-14, 0x1.e9b5d9c5174a4p-16, 0x1.ffff6f9f67e55p-1 },
	{ -0x1.81b943d2d9558p-17, 0x1.1fa32ccd52557p-16, -0x1.430db3fd56073p-16,
	  0x1.338718d5efeb3p-16, -0x1.d071ea7886896p-17, 0x1.0b7096bfddecdp-17,
	  -0x1.bba39ff5a4f6ep-19, 0x1.d936a8d7bc91ap-21, 0x1.fffffc2f171e3p-1 },
};

float fmath_erff(float x)
{
	double        size = fabs((double)x), t, sum = 0.0;
	const double *row;
	uint32_t      half;

	if (isnan(x))
		return x;
	if (size >= 4.0) /* 1 - erf(4) is 1.5e-8, less than half a step of float below 1 */
		return x < 0.0f ? -1.0f : 1.0f;
	half = (uint32_t)(size * 2.0);
	row  = fmath_erf_rows[half];
	t    = half == 0 ? size * size : size - (half * 0.5 + 0.25);
	for (uint32_t i = 0; i < FMATH_ERF_TERMS; i++)
		sum = sum * t + row[i];
	if (half == 0)
		sum *= size;
	return (float)(x < 0.0f ? -sum : sum);
}
