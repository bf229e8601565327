// The function table of one level.
#include "kernels.h"

namespace tangshi::LEVEL {

void matmul(const PanelView&, const float*, int64_t, int64_t, float*, int64_t);
void multiply(const Product&);
void lstm_cell(const float*, const float*, int64_t, float*, float*);
void gru_cell(const float*, const float*, int64_t, float*);
void rnn_cell(const float*, const float*, int64_t, float*);
void lstm_forward(const CellStep&);
void gru_forward(const CellStep&);
void rnn_forward(const CellStep&);
void lstm_backward(const CellGradient&);
void gru_backward(const CellGradient&);
void rnn_backward(const CellGradient&);
void dropout(float*, int64_t, uint32_t, uint32_t, uint32_t, float);
void exp_logits(float*, int64_t, int64_t, bool, float*, float*);
void merge_softmax(const float*, const float*, int64_t, int64_t, int64_t, float*, float*);
void exp_factors(const float*, const float*, const float*, int64_t, float*);
void scale_exps(float*, int64_t, int64_t, const float*);
void relu(float*, int64_t);
void add_row_sums(const float*, int64_t, int64_t, int64_t, float*);
void transpose(const float*, int64_t, int64_t, int64_t, float*, int64_t);
float max(const float*, int64_t);
void exp_weights(const float*, int64_t, float, float, float*, float*, double*);
double sum_exp(const float*, int64_t, float);
void add(float*, const float*, int64_t);
double sum_of_squares(const float*, int64_t);
void rmsprop(const Update&, float*, Decay);
void adam(const Update&, float*, float*, Decay, Decay, float, float);

#define NAME_OF(level) #level
#define NAME(level) NAME_OF(level)
extern const Kernels table;
const Kernels table = {
    .level = NAME(LEVEL),
    .matmul = matmul,
    .multiply = multiply,
    .lstm_cell = lstm_cell,
    .gru_cell = gru_cell,
    .rnn_cell = rnn_cell,
    .lstm_forward = lstm_forward,
    .gru_forward = gru_forward,
    .rnn_forward = rnn_forward,
    .lstm_backward = lstm_backward,
    .gru_backward = gru_backward,
    .rnn_backward = rnn_backward,
    .exp_logits = exp_logits,
    .merge_softmax = merge_softmax,
    .scale_exps = scale_exps,
    .exp_factors = exp_factors,
    .relu = relu,
    .add_row_sums = add_row_sums,
    .dropout = dropout,
    .transpose = transpose,
    .max = max,
    .exp_weights = exp_weights,
    .sum_exp = sum_exp,
    .add = add,
    .sum_of_squares = sum_of_squares,
    .rmsprop = rmsprop,
    .adam = adam,
};

}  // namespace tangshi::LEVEL
