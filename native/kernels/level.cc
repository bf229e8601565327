// One level's table.
#include "kernels.h"

namespace tangshi::LEVEL {

void matmul(const PanelView&, const float*, int64_t, int64_t, float*, int64_t);
void lstm_cell(const float*, const float*, int64_t, float*, float*);
void gru_cell(const float*, const float*, int64_t, float*);
void rnn_cell(const float*, const float*, int64_t, float*);
double nll_row(float*, const float*, int64_t, int64_t, float, bool, float*);
float max(const float*, int64_t);
void exp_weights(float*, int64_t, float, float, float*);
void add(float*, const float*, int64_t);
double sum_of_squares(const float*, int64_t);
void rmsprop(const Update&, float*, Decay);
void adam(const Update&, float*, float*, Decay, Decay, float, float);

#define NAME_OF(level) #level
#define NAME(level) NAME_OF(level)
extern const Kernels table;
const Kernels table = {NAME(LEVEL), matmul,      lstm_cell, gru_cell,       rnn_cell, nll_row,
                       max,         exp_weights, add,       sum_of_squares, rmsprop,  adam};

}  // namespace tangshi::LEVEL
