"""Text: character networks, embeddings, taggers, a CRF, translation with attention, transformers."""

import math
import random
import string
import unicodedata

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from compat.tutorial_inputs import fill, numbers
from torch import Tensor
from torch.nn import TransformerEncoder, TransformerEncoderLayer
from torch.nn.utils.rnn import pack_padded_sequence, pack_sequence, pad_packed_sequence, pad_sequence

LETTERS = string.ascii_letters + " .,;'-"


def to_ascii(s):
    return "".join(c for c in unicodedata.normalize("NFD", s) if unicodedata.category(c) != "Mn" and c in LETTERS)


def line_to_tensor(line):
    tensor = torch.zeros(len(line), 1, len(LETTERS))
    for li, letter in enumerate(line):
        tensor[li][0][LETTERS.find(letter)] = 1
    return tensor


class NameRNN(nn.Module):
    def __init__(self, input_size, hidden_size, output_size):
        super(NameRNN, self).__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size + hidden_size, hidden_size)
        self.h2o = nn.Linear(hidden_size, output_size)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, input, hidden):
        hidden = F.tanh(self.i2h(torch.cat((input, hidden), 1)))
        return self.softmax(self.h2o(hidden)), hidden

    def init_hidden(self):
        return torch.zeros(1, self.hidden_size)


def char_classification():
    names = [("Ślusàrski", 0), ("Kim", 1), ("O'Néàl", 2), ("Nowak", 0), ("Park", 1), ("Murphy", 2)]
    rnn = fill(NameRNN(len(LETTERS), 16, 3), 1)
    criterion, losses = nn.NLLLoss(), []
    for epoch in range(12):
        for name, category in names:
            line = line_to_tensor(to_ascii(name))
            hidden = rnn.init_hidden()
            rnn.zero_grad()
            for i in range(line.size()[0]):
                output, hidden = rnn(line[i], hidden)
            loss = criterion(output, torch.tensor([category], dtype=torch.long))
            loss.backward()
            for p in rnn.parameters():
                p.data.add_(p.grad.data, alpha=-0.1)
            losses.append(loss.item())
    top_v, top_i = output.topk(1)
    confusion = torch.zeros(3, 3)
    for name, category in names:
        hidden = rnn.init_hidden()
        with torch.no_grad():
            for letter in line_to_tensor(to_ascii(name)):
                output, hidden = rnn(letter, hidden)
        confusion[category][output.argmax()] += 1
    confusion /= confusion.sum(1, keepdim=True)
    return dict(falls=losses, last=loss.item(), guess=top_i[0].item(), value=top_v, confusion=confusion)


def char_generation():
    text = "hello there hello there "
    vocab = sorted(set(text))
    index = {c: i for i, c in enumerate(vocab)}

    class CharGRU(nn.Module):
        def __init__(self, n):
            super().__init__()
            self.encoder, self.gru, self.decoder = nn.Embedding(n, 8), nn.GRU(8, 24, 2, dropout=0.0), nn.Linear(24, n)

        def forward(self, input, hidden):
            output, hidden = self.gru(self.encoder(input.view(1, -1)), hidden)
            return self.decoder(output.view(1, -1)), hidden

    model = fill(CharGRU(len(vocab)), 2, 1.5)
    optimizer, losses = optim.Adam(model.parameters(), lr=0.02), []
    data = torch.tensor([index[c] for c in text])
    for _ in range(10):
        hidden, loss = torch.zeros(2, 1, 24), 0
        for c in range(len(data) - 1):
            output, hidden = model(data[c], hidden)
            loss += F.cross_entropy(output, data[c + 1].unsqueeze(0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item() / len(data))
    hidden, letter, out = torch.zeros(2, 1, 24), data[0], "h"
    with torch.no_grad():
        for _ in range(10):
            output, hidden = model(letter, hidden)
            p = output.data.view(-1).div(0.8).exp()
            assert 0 <= torch.multinomial(p, 1)[0] < len(vocab)
            letter = p.argmax()
            out += vocab[letter]
    return dict(falls=losses, first=losses[0], text=out)


def ngram():
    words = "when forty winters shall besiege thy brow and dig deep trenches in thy beauty's field".split()
    ngrams = [([words[i - j - 1] for j in range(2)], words[i]) for i in range(2, len(words))]
    ix = {w: i for i, w in enumerate(dict.fromkeys(words))}

    class NGram(nn.Module):
        def __init__(self):
            super().__init__()
            self.embeddings, self.linear1, self.linear2 = (
                nn.Embedding(len(ix), 10),
                nn.Linear(20, 32),
                nn.Linear(32, len(ix)),
            )

        def forward(self, inputs):
            out = F.relu(self.linear1(self.embeddings(inputs).view((1, -1))))
            return F.log_softmax(self.linear2(out), dim=1)

    model, losses = fill(NGram(), 3, 2.0), []
    optimizer = optim.SGD(model.parameters(), lr=0.05)
    for _ in range(10):
        total = 0
        for context, target in ngrams:
            context_ids = torch.tensor([ix[w] for w in context], dtype=torch.long)
            model.zero_grad()
            loss = nn.NLLLoss()(model(context_ids), torch.tensor([ix[target]]))
            loss.backward()
            optimizer.step()
            total += loss.item()
        losses.append(total)
    return dict(falls=losses, total=total, vector=model.embeddings.weight[ix["thy"]])


def cbow():
    torch.manual_seed(1)
    bag = fill(nn.EmbeddingBag(12, 6, mode="sum"), 4)
    out = fill(nn.Linear(6, 12), 5)
    contexts = torch.tensor([[0, 1, 3, 4], [1, 2, 4, 5], [2, 3, 5, 6], [3, 4, 6, 7]])
    targets = torch.tensor([2, 3, 4, 5])
    optimizer = optim.Adagrad([*bag.parameters(), *out.parameters()], lr=0.1)
    for _ in range(15):
        optimizer.zero_grad()
        loss = F.cross_entropy(out(bag(contexts)), targets)
        loss.backward()
        optimizer.step()
    flat, offsets = contexts.reshape(-1), torch.arange(0, 16, 4)
    similar = F.cosine_similarity(bag.weight[None, :], bag.weight[:, None], dim=-1)
    return dict(
        loss=loss,
        flat=bag(flat, offsets),
        similar=similar,
        pretrained=nn.Embedding.from_pretrained(bag.weight.detach(), freeze=True)(torch.tensor([[1, 2]])),
    )


def tagger():
    sentences = [([0, 1, 2, 0, 3], [0, 1, 2, 0, 1]), ([4, 5, 6, 7], [1, 2, 0, 1])]
    embed, lstm, tag = nn.Embedding(8, 6), nn.LSTM(6, 7), nn.Linear(7, 3)
    model = fill(nn.ModuleList([embed, lstm, tag]), 6)
    optimizer = optim.SGD(model.parameters(), lr=0.3)
    for _ in range(20):
        for words, tags in sentences:
            optimizer.zero_grad()
            out, (h, c) = lstm(embed(torch.tensor(words)).view(len(words), 1, -1))
            scores = F.log_softmax(tag(out.view(len(words), -1)), dim=1)
            loss = F.nll_loss(scores, torch.tensor(tags))
            loss.backward()
            optimizer.step()
    return dict(scores=scores, loss=loss, h=h, c=c, names=[n for n, _ in model.named_parameters()])


class CRF(nn.Module):
    def __init__(self, tags):
        super().__init__()
        self.tags, self.start, self.stop = tags, tags, tags + 1
        self.transitions = nn.Parameter(torch.from_numpy(numbers(7, tags + 2, tags + 2)))
        self.transitions.data[self.start, :] = -10000.0
        self.transitions.data[:, self.stop] = -10000.0

    def partition(self, feats):
        alphas = torch.full((1, self.tags + 2), -10000.0)
        alphas[0][self.start] = 0.0
        for feat in feats:
            step = []
            for nxt in range(self.tags + 2):
                emit = feat[nxt].view(1, -1).expand(1, self.tags + 2)
                step.append(torch.logsumexp(alphas + self.transitions[nxt].view(1, -1) + emit, dim=1))
            alphas = torch.cat(step).view(1, -1)
        return torch.logsumexp(alphas + self.transitions[self.stop], dim=1).squeeze()

    def score(self, feats, tags):
        total = torch.zeros(1)
        tags = torch.cat([torch.tensor([self.start], dtype=torch.long), tags])
        for i, feat in enumerate(feats):
            total = total + self.transitions[tags[i + 1], tags[i]] + feat[tags[i + 1]]
        return total + self.transitions[self.stop, tags[-1]]

    def viterbi(self, feats):
        variables, pointers = torch.full((self.tags + 2,), -10000.0), []
        variables[self.start] = 0
        for feat in feats:
            best = (variables[None, :] + self.transitions).max(dim=1)
            variables = best.values + feat
            pointers.append(best.indices)
        end = variables + self.transitions[self.stop]
        path = [int(end.argmax())]
        for pointer in reversed(pointers):
            path.append(pointer[path[-1]].item())
        assert path.pop() == self.start
        return end.max(), path[::-1]


def crf():
    model, feats = CRF(3), torch.from_numpy(numbers(8, 5, 5)).requires_grad_()
    tags = torch.tensor([0, 1, 2, 1, 0])
    optimizer, losses = optim.SGD([model.transitions, feats], lr=0.05, weight_decay=1e-4), []
    for _ in range(15):
        loss = (model.partition(feats) - model.score(feats, tags)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        value, path = model.viterbi(feats)
    return dict(falls=losses, loss=loss, value=value, path=path, feats=feats)


class Attention(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.Wa, self.Ua, self.Va = nn.Linear(size, size), nn.Linear(size, size), nn.Linear(size, 1)

    def forward(self, query, keys):
        scores = self.Va(torch.tanh(self.Wa(query) + self.Ua(keys))).squeeze(2).unsqueeze(1)
        weights = F.softmax(scores, dim=-1)
        return torch.bmm(weights, keys), weights


class Decoder(nn.Module):
    def __init__(self, size, words, longest):
        super().__init__()
        self.embedding, self.attention = nn.Embedding(words, size), Attention(size)
        self.gru, self.out, self.longest = nn.GRU(2 * size, size, batch_first=True), nn.Linear(size, words), longest

    def forward(self, outputs, hidden, target=None):
        word = torch.empty(outputs.size(0), 1, dtype=torch.long).fill_(0)
        found, attentions = [], []
        for i in range(self.longest):
            context, weights = self.attention(hidden.permute(1, 0, 2), outputs)
            output, hidden = self.gru(torch.cat((self.embedding(word), context), dim=2), hidden)
            output = self.out(output)
            found.append(output)
            attentions.append(weights)
            word = target[:, i].unsqueeze(1) if target is not None else output.topk(1)[1].squeeze(-1).detach()
        return F.log_softmax(torch.cat(found, dim=1), dim=-1), hidden, torch.cat(attentions, dim=1)


def translation():
    random.seed(3)
    source = torch.tensor([[2, 3, 4, 1, 0], [5, 2, 1, 0, 0], [3, 3, 5, 4, 1]])
    target = torch.tensor([[3, 2, 4, 1, 0], [2, 5, 1, 0, 0], [5, 3, 3, 4, 1]])
    embed, gru = nn.Embedding(6, 12), nn.GRU(12, 12, batch_first=True)
    encoder, decoder = fill(nn.ModuleList([embed, gru]), 9), fill(Decoder(12, 6, 5), 10)
    first, second = optim.Adam(encoder.parameters(), lr=0.02), optim.Adam(decoder.parameters(), lr=0.02)
    losses, criterion = [], nn.NLLLoss(ignore_index=0)
    for _ in range(25):
        forced = target if random.random() < 0.7 else None
        first.zero_grad()
        second.zero_grad()
        outputs, hidden = gru(embed(source))
        decoded, _, _ = decoder(outputs, hidden, forced)
        loss = criterion(decoded.view(-1, decoded.size(-1)), target.view(-1))
        loss.backward()
        first.step()
        second.step()
        losses.append(loss.item())
    with torch.no_grad():
        decoded, _, attentions = decoder(*gru(embed(source)))
    return dict(falls=losses, first=losses[0], last=losses[9], words=decoded.argmax(-1), attentions=attentions.shape)


class PositionalEncoding(nn.Module):
    def __init__(self, d_model, dropout=0.0, max_len=50):
        super().__init__()
        self.dropout = nn.Dropout(p=dropout)
        position = torch.arange(max_len).unsqueeze(1)
        div_term = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
        pe = torch.zeros(max_len, 1, d_model)
        pe[:, 0, 0::2] = torch.sin(position * div_term)
        pe[:, 0, 1::2] = torch.cos(position * div_term)
        self.register_buffer("pe", pe)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(x + self.pe[: x.size(0)])


class TransformerModel(nn.Module):
    def __init__(self, words, d_model, heads, hidden, layers):
        super().__init__()
        self.model_type = "Transformer"
        self.pos_encoder = PositionalEncoding(d_model)
        self.transformer_encoder = TransformerEncoder(TransformerEncoderLayer(d_model, heads, hidden, 0.0), layers)
        self.embedding, self.d_model, self.linear = nn.Embedding(words, d_model), d_model, nn.Linear(d_model, words)

    def forward(self, src: Tensor, src_mask: Tensor = None) -> Tensor:
        src = self.pos_encoder(self.embedding(src) * math.sqrt(self.d_model))
        if src_mask is None:
            src_mask = nn.Transformer.generate_square_subsequent_mask(len(src))
        return self.linear(self.transformer_encoder(src, src_mask))


def language_model():
    data = torch.arange(84) % 7
    batches = data.view(2, 42).t().contiguous()
    model = fill(TransformerModel(7, 16, 2, 32, 2), 11, 2.0)
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    scheduler = optim.lr_scheduler.StepLR(optimizer, 1.0, gamma=0.95)
    losses = []
    for epoch in range(2):
        model.train()
        for i in range(0, batches.size(0) - 1, 10):
            n = min(10, len(batches) - 1 - i)
            x, y = batches[i : i + n], batches[i + 1 : i + 1 + n].reshape(-1)
            loss = F.cross_entropy(model(x).view(-1, 7), y)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()
    model.eval()
    with torch.no_grad():
        val = model(batches[:8])
    return dict(falls=losses, losses=losses[:3], val=val, ppl=math.exp(losses[0]), lr=scheduler.get_last_lr()[0])


class CausalSelfAttention(nn.Module):
    def __init__(self, width, heads, block):
        super().__init__()
        self.c_attn, self.c_proj, self.heads = nn.Linear(width, 3 * width), nn.Linear(width, width), heads
        self.register_buffer("bias", torch.tril(torch.ones(block, block)).view(1, 1, block, block))

    def forward(self, x, flash):
        B, T, C = x.size()
        q, k, v = self.c_attn(x).split(C, dim=2)
        q, k, v = (t.view(B, T, self.heads, C // self.heads).transpose(1, 2) for t in (q, k, v))
        if flash:
            y = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=None, dropout_p=0.0, is_causal=True)
        else:
            att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
            att = att.masked_fill(self.bias[:, :, :T, :T] == 0, float("-inf"))
            y = F.softmax(att, dim=-1) @ v
        return self.c_proj(y.transpose(1, 2).contiguous().view(B, T, C))


class Block(nn.Module):
    def __init__(self, width, heads, block):
        super().__init__()
        self.ln_1, self.attn = nn.LayerNorm(width), CausalSelfAttention(width, heads, block)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width))

    def forward(self, x, flash):
        x = x + self.attn(self.ln_1(x), flash)
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    def __init__(self, vocab, block=12, width=16, heads=2, layers=2):
        super().__init__()
        self.block = block
        self.transformer = nn.ModuleDict(
            dict(
                wte=nn.Embedding(vocab, width),
                wpe=nn.Embedding(block, width),
                h=nn.ModuleList([Block(width, heads, block) for _ in range(layers)]),
                ln_f=nn.LayerNorm(width),
            )
        )
        self.lm_head = nn.Linear(width, vocab, bias=False)
        self.transformer.wte.weight = self.lm_head.weight
        self.apply(self._init_weights)

    def _init_weights(self, module):
        if isinstance(module, nn.Linear):
            torch.nn.init.normal_(module.weight, mean=0.0, std=0.02)
            if module.bias is not None:
                torch.nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            torch.nn.init.normal_(module.weight, mean=0.0, std=0.02)

    def forward(self, idx, targets=None, flash=True):
        pos = torch.arange(0, idx.size(1), dtype=torch.long, device=idx.device)
        x = self.transformer.wte(idx) + self.transformer.wpe(pos)
        for block in self.transformer.h:
            x = block(x, flash)
        x = self.transformer.ln_f(x)
        if targets is None:
            return self.lm_head(x[:, [-1], :]), None
        logits = self.lm_head(x)
        return logits, F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=-1)

    @torch.no_grad()
    def generate(self, idx, count, temperature=1.0, top_k=None):
        for _ in range(count):
            logits, _ = self(idx if idx.size(1) <= self.block else idx[:, -self.block :])
            logits = logits[:, -1, :] / temperature
            if top_k is not None:
                v, _ = torch.topk(logits, min(top_k, logits.size(-1)))
                logits[logits < v[:, [-1]]] = -float("Inf")
            idx = torch.cat((idx, torch.multinomial(F.softmax(logits, dim=-1), num_samples=1)), dim=1)
        return idx


def nano_gpt():
    model = fill(GPT(9), 12, 1.0)
    decay = [p for p in model.parameters() if p.dim() >= 2]
    no_decay = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.1}, {"params": no_decay, "weight_decay": 0.0}], lr=1e-2, betas=(0.9, 0.95)
    )
    data, losses = torch.arange(200) % 9, []
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    for step in range(20):
        lr = 1e-2 * min(1.0, (step + 1) / 5) * 0.5 * (1.0 + math.cos(math.pi * step / 20))
        for group in optimizer.param_groups:
            group["lr"] = lr
        for micro in range(2):
            ix = [(7 * step + 3 * micro + 5 * k) % 180 for k in range(4)]
            x = torch.stack([data[i : i + 12] for i in ix])
            y = torch.stack([data[i + 1 : i + 13] for i in ix])
            logits, loss = model(x, y, flash=step % 2 == 0)
            scaler.scale(loss / 2).backward()
        scaler.unscale_(optimizer)
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
    model.eval()
    likely = model.generate(torch.tensor([[4, 5]]), 15, temperature=0.8, top_k=1)
    return dict(
        falls=losses,
        losses=losses[:8],
        norm=norm,
        count=sum(p.numel() for p in model.parameters()),
        likely=likely,
        like=model.generate(torch.zeros((2, 1), dtype=torch.long), 4),
        text=str(model.transformer.h[0]),
    )


def packed():
    seqs = [torch.from_numpy(numbers(20 + n, n, 3)) for n in (5, 2, 4)]
    padded = pad_sequence(seqs, batch_first=True, padding_value=0.0)
    lengths = torch.tensor([len(s) for s in seqs])
    lstm = fill(nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True), 13)
    out, (h, c) = lstm(pack_padded_sequence(padded, lengths, batch_first=True, enforce_sorted=False))
    back, sizes = pad_packed_sequence(out, batch_first=True)
    mask = torch.arange(int(lengths.max()))[None, :] < lengths[:, None]
    mean = (back * mask.unsqueeze(-1)).sum(1) / lengths.unsqueeze(1)
    mean.sum().backward()
    again = pack_sequence(sorted(seqs, key=len, reverse=True))
    return dict(
        back=back,
        sizes=sizes,
        h=h,
        c=c,
        mean=mean,
        grad=lstm.weight_ih_l0.grad,
        data=again.data,
        batch=again.batch_sizes,
        mask=mask,
    )


def whole_transformer():
    model = fill(
        nn.Transformer(
            d_model=8,
            nhead=2,
            num_encoder_layers=1,
            num_decoder_layers=1,
            dim_feedforward=16,
            dropout=0.0,
            batch_first=True,
        ),
        14,
    )
    src, tgt = torch.from_numpy(numbers(30, 2, 5, 8)), torch.from_numpy(numbers(31, 2, 4, 8))
    padding = torch.tensor([[False] * 5, [False, False, False, True, True]])
    out = model(
        src,
        tgt,
        tgt_mask=model.generate_square_subsequent_mask(4),
        src_key_padding_mask=padding,
        memory_key_padding_mask=padding,
        tgt_is_causal=True,
    )
    out.pow(2).sum().backward()
    attention = fill(nn.MultiheadAttention(8, 2, batch_first=True), 15)
    value, weights = attention(src, src, src, key_padding_mask=padding, need_weights=True)
    return dict(out=out, grad=model.encoder.layers[0].self_attn.in_proj_weight.grad, value=value, weights=weights)
