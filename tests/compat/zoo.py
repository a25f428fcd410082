"""Architectures in PyTorch, small, as people write them: what conversion is judged by.

`ZOO` has, by name, a function that builds the model and one that draws inputs for a batch of a given size.
"""
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ZOO = {}


def entry(*shapes, dtype=torch.float32):
    """Adds a class to the zoo; inputs are normal numbers of the shapes, behind a batch dimension."""
    def add(cls):
        ZOO[cls.__name__] = cls, lambda n: tuple(torch.randn(n, *shape, dtype=dtype) for shape in shapes)
        return cls
    return add


def tokens(*sizes, vocabulary=13):
    """Adds a class to the zoo; inputs are numbers of words."""
    def add(cls):
        ZOO[cls.__name__] = cls, lambda n: tuple(torch.randint(0, vocabulary, (n, size)) for size in sizes)
        return cls
    return add


@entry((6,))
class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(6, 16)
        self.fc2 = nn.Linear(16, 8)
        self.drop = nn.Dropout(0.0)
        self.out = nn.Linear(8, 3)

    def forward(self, x):
        x = self.drop(F.relu(self.fc1(x)))
        x = torch.tanh(self.fc2(x)) * 0.5 + 1
        return F.log_softmax(self.out(x), dim=-1)


@entry((1, 28, 28))
class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), (2, 2))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(-1, self.num_flat_features(x))
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))

    def num_flat_features(self, x):
        n = 1
        for s in x.size()[1:]:
            n *= s
        return n


@entry((3, 32, 32))
class VGG(nn.Module):
    def __init__(self, plan=(4, "M", 8, 8, "M", 16, "M")):
        super().__init__()
        layers, c = [], 3
        for v in plan:
            if v == "M":
                layers.append(nn.MaxPool2d(2, 2))
            else:
                layers += [nn.Conv2d(c, v, 3, padding=1), nn.BatchNorm2d(v), nn.ReLU(inplace=True)]
                c = v
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d((2, 2))
        self.classifier = nn.Sequential(nn.Linear(16 * 4, 32), nn.ReLU(True), nn.Dropout(0.0), nn.Linear(32, 10))

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        x = self.avgpool(x)
        return self.classifier(torch.flatten(x, 1))


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, inplanes, planes, stride=1, downsample=None):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = downsample

    def forward(self, x):
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inplanes, planes, stride=1, downsample=None):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, groups=2, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, planes * 4, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(planes * 4)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        return self.relu(self.bn3(self.conv3(out)) + identity)


class ResNet(nn.Module):
    def __init__(self, block, layers, width=4, classes=5):
        super().__init__()
        self.inplanes = width
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = self._make_layer(block, width, layers[0])
        self.layer2 = self._make_layer(block, width * 2, layers[1], 2)
        self.layer3 = self._make_layer(block, width * 4, layers[2], 2)
        self.layer4 = self._make_layer(block, width * 8, layers[3], 2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(width * 8 * block.expansion, classes)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")

    def _make_layer(self, block, planes, blocks, stride=1):
        downsample = None
        if stride != 1 or self.inplanes != planes * block.expansion:
            downsample = nn.Sequential(nn.Conv2d(self.inplanes, planes * block.expansion, 1, stride, bias=False),
                                       nn.BatchNorm2d(planes * block.expansion))
        layers = [block(self.inplanes, planes, stride, downsample)]
        self.inplanes = planes * block.expansion
        layers += [block(self.inplanes, planes) for _ in range(1, blocks)]
        return nn.Sequential(*layers)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


@entry((3, 64, 64))
class ResNet18(ResNet):
    def __init__(self):
        super().__init__(BasicBlock, [2, 2, 2, 2])


@entry((3, 64, 64))
class ResNetBottleneck(ResNet):
    def __init__(self):
        super().__init__(Bottleneck, [1, 2, 1, 1])


class DenseLayer(nn.Module):
    def __init__(self, inputs, growth, size):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, size * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(size * growth)
        self.conv2 = nn.Conv2d(size * growth, growth, 3, padding=1, bias=False)
        self.drop_rate = 0.0

    def forward(self, input):
        features = [input] if isinstance(input, Tensor) else input
        out = self.conv1(F.relu(self.norm1(torch.cat(features, 1))))
        out = self.conv2(F.relu(self.norm2(out)))
        if self.drop_rate > 0:
            out = F.dropout(out, p=self.drop_rate, training=self.training)
        return out


class DenseBlock(nn.ModuleDict):
    def __init__(self, layers, inputs, growth):
        super().__init__()
        for i in range(layers):
            self.add_module(f"denselayer{i + 1}", DenseLayer(inputs + i * growth, growth, 2))

    def forward(self, init_features):
        features = [init_features]
        for _, layer in self.items():
            features.append(layer(features))
        return torch.cat(features, 1)


@entry((3, 16, 16))
class DenseNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential()
        self.features.add_module("conv0", nn.Conv2d(3, 6, 3, padding=1, bias=False))
        self.features.add_module("block1", DenseBlock(3, 6, 4))
        self.features.add_module("pool", nn.AvgPool2d(2, 2))
        self.features.add_module("block2", DenseBlock(2, 18, 4))
        self.features.add_module("norm5", nn.BatchNorm2d(26))
        self.classifier = nn.Linear(26, 7)

    def forward(self, x):
        out = F.relu(self.features(x), inplace=True)
        out = F.adaptive_avg_pool2d(out, (1, 1))
        return self.classifier(torch.flatten(out, 1))


class ConvBNReLU(nn.Sequential):
    def __init__(self, inp, out, kernel=3, stride=1, groups=1):
        padding = (kernel - 1) // 2
        super().__init__(nn.Conv2d(inp, out, kernel, stride, padding, groups=groups, bias=False),
                         nn.BatchNorm2d(out), nn.ReLU6(inplace=True))


class InvertedResidual(nn.Module):
    def __init__(self, inp, oup, stride, expand):
        super().__init__()
        hidden = round(inp * expand)
        self.use_res_connect = stride == 1 and inp == oup
        layers = [ConvBNReLU(inp, hidden, 1)] if expand != 1 else []
        layers += [ConvBNReLU(hidden, hidden, stride=stride, groups=hidden),
                   nn.Conv2d(hidden, oup, 1, bias=False), nn.BatchNorm2d(oup)]
        self.conv = nn.Sequential(*layers)

    def forward(self, x):
        if self.use_res_connect:
            return x + self.conv(x)
        else:
            return self.conv(x)


@entry((3, 32, 32))
class MobileNetV2(nn.Module):
    def __init__(self):
        super().__init__()
        features = [ConvBNReLU(3, 8, stride=2)]
        for inp, oup, stride, expand in [(8, 8, 1, 1), (8, 12, 2, 6), (12, 12, 1, 6)]:
            features.append(InvertedResidual(inp, oup, stride, expand))
        self.features = nn.Sequential(*features, ConvBNReLU(12, 24, 1))
        self.classifier = nn.Sequential(nn.Dropout(0.0), nn.Linear(24, 6))

    def forward(self, x):
        return self.classifier(self.features(x).mean([2, 3]))


class SqueezeExcite(nn.Module):
    def __init__(self, c, r=4):
        super().__init__()
        self.fc1 = nn.Conv2d(c, c // r, 1)
        self.fc2 = nn.Conv2d(c // r, c, 1)

    def forward(self, x):
        scale = F.adaptive_avg_pool2d(x, 1)
        scale = F.hardsigmoid(self.fc2(F.silu(self.fc1(scale))))
        return scale * x


@entry((8, 9, 9))
class SENet(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(8, 8, 3, padding="same"), nn.GroupNorm(2, 8), nn.Hardswish(),
                                   SqueezeExcite(8))
        self.gem = nn.Parameter(torch.ones(1) * 3)
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        x = x + self.block(x)
        x = F.avg_pool2d(x.clamp(min=1e-6).pow(self.gem), (x.size(-2), x.size(-1))).pow(1.0 / self.gem)
        return self.head(x.flatten(1))


class DoubleConv(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(inplace=True),
                                 nn.Conv2d(o, o, 3, padding=1), nn.InstanceNorm2d(o, affine=True), nn.LeakyReLU(0.1))

    def forward(self, x):
        return self.net(x)


class Up(nn.Module):
    def __init__(self, i, o, bilinear):
        super().__init__()
        self.up = (nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True) if bilinear
                   else nn.ConvTranspose2d(i, i, 2, stride=2))
        self.conv = DoubleConv(i + o, o)

    def forward(self, x1, x2):
        x1 = self.up(x1)
        dy, dx = x2.size()[2] - x1.size()[2], x2.size()[3] - x1.size()[3]
        x1 = F.pad(x1, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])
        return self.conv(torch.cat([x2, x1], dim=1))


@entry((2, 18, 22))
class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.inc = DoubleConv(2, 4)
        self.down1 = nn.Sequential(nn.MaxPool2d(2), DoubleConv(4, 8))
        self.down2 = nn.Sequential(nn.MaxPool2d(2), DoubleConv(8, 8))
        self.up1 = Up(8, 8, True)
        self.up2 = Up(8, 4, False)
        self.outc = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        x1 = self.inc(x)
        x2 = self.down1(x1)
        x3 = self.down2(x2)
        return torch.sigmoid(self.outc(self.up2(self.up1(x3, x2), x1)))


class Inception(nn.Module):
    def __init__(self, i):
        super().__init__()
        self.branch1 = ConvBNReLU(i, 4, 1)
        self.branch2 = nn.Sequential(ConvBNReLU(i, 3, 1), ConvBNReLU(3, 4, 3))
        self.branch3 = nn.Sequential(ConvBNReLU(i, 3, 1), ConvBNReLU(3, 4, 5))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1, ceil_mode=True), ConvBNReLU(i, 4, 1))

    def _forward(self, x):
        return [self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)]

    def forward(self, x):
        return torch.cat(self._forward(x), 1)


@entry((3, 20, 20))
class GoogLeNet(nn.Module):
    """With an auxiliary head that is there in training only."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.LocalResponseNorm(3))
        self.a, self.b = Inception(8), Inception(16)
        self.aux = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(64, 5))
        self.fc = nn.Linear(16, 5)

    def forward(self, x):
        x = self.a(self.stem(x))
        aux = self.aux(x) if self.training else None
        x = self.fc(self.b(x).mean(dim=(-2, -1)))
        if self.training:
            return x, aux
        return x


@tokens(7)
class LSTMTagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(13, 6, padding_idx=0)
        self.lstm = nn.LSTM(6, 5, num_layers=2, batch_first=True)
        self.head = nn.Linear(5, 4)

    def forward(self, ids):
        out, (h, c) = self.lstm(self.embedding(ids))
        return self.head(out), h[-1] + c[-1]


@entry((9, 3))
class GRURegressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(3, 6, batch_first=True)
        self.h0 = nn.Parameter(torch.randn(1, 1, 6))
        self.out = nn.Linear(6, 1)

    def forward(self, x):
        h0 = self.h0.expand(-1, x.size(0), -1).contiguous()
        out, _ = self.gru(x, h0)
        return self.out(out[:, -1, :]).squeeze(-1)


@tokens(8)
class BiLSTMClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(13, 6)
        self.rnn = nn.LSTM(6, 4, bidirectional=True, batch_first=True)
        self.attn = nn.Linear(8, 1, bias=False)
        self.fc = nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 3))

    def forward(self, ids):
        mask = ids.eq(0)
        out, (hidden, _) = self.rnn(self.embed(ids))
        scores = self.attn(out).squeeze(-1).masked_fill(mask, -1e9)
        weights = F.softmax(scores, dim=1)
        pooled = torch.bmm(weights.unsqueeze(1), out).squeeze(1)
        last = torch.cat((hidden[-2], hidden[-1]), dim=1)
        return self.fc(pooled + last)


class Encoder(nn.Module):
    def __init__(self, v, d):
        super().__init__()
        self.emb = nn.Embedding(v, d)
        self.gru = nn.GRU(d, d, batch_first=True)

    def forward(self, src):
        return self.gru(self.emb(src))


class AttnDecoder(nn.Module):
    def __init__(self, v, d):
        super().__init__()
        self.emb = nn.Embedding(v, d)
        self.cell = nn.GRUCell(2 * d, d)
        self.W = nn.Linear(d, d)
        self.U = nn.Linear(d, d)
        self.v = nn.Parameter(torch.randn(d))
        self.out = nn.Linear(d, v)

    def step(self, y, h, memory):
        scores = torch.tanh(self.W(h).unsqueeze(1) + self.U(memory)) @ self.v
        context = (scores.softmax(-1).unsqueeze(-1) * memory).sum(dim=1)
        h = self.cell(torch.cat([self.emb(y), context], dim=-1), h)
        return self.out(h), h


@tokens(6, 5)
class Seq2Seq(nn.Module):
    """A loop over the steps of the target."""

    def __init__(self, v=13, d=6):
        super().__init__()
        self.encoder = Encoder(v, d)
        self.decoder = AttnDecoder(v, d)

    def forward(self, src, tgt):
        memory, h = self.encoder(src)
        h = h.squeeze(0)
        outputs = []
        for t in range(tgt.size(1)):
            logits, h = self.decoder.step(tgt[:, t], h, memory)
            outputs.append(logits)
        return torch.stack(outputs, dim=1)


class PositionalEncoding(nn.Module):
    def __init__(self, d, longest=50):
        super().__init__()
        position = torch.arange(longest).unsqueeze(1)
        div = torch.exp(torch.arange(0, d, 2) * (-math.log(10000.0) / d))
        pe = torch.zeros(1, longest, d)
        pe[0, :, 0::2] = torch.sin(position * div)
        pe[0, :, 1::2] = torch.cos(position * div)
        self.register_buffer("pe", pe)

    def forward(self, x):
        return x + self.pe[:, : x.size(1)]


@tokens(7)
class TransformerClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(13, 8)
        self.pos = PositionalEncoding(8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, activation="gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.fc = nn.Linear(8, 3)

    def forward(self, ids):
        x = self.pos(self.emb(ids) * math.sqrt(8))
        return self.fc(self.encoder(x).mean(dim=1))


@tokens(6, 4)
class TransformerTranslator(nn.Module):
    def __init__(self, v=13, d=8):
        super().__init__()
        self.src_emb, self.tgt_emb = nn.Embedding(v, d), nn.Embedding(v, d)
        self.pos = PositionalEncoding(d)
        self.transformer = nn.Transformer(d, 2, 1, 1, 16, dropout=0.0, batch_first=True, norm_first=True)
        self.generator = nn.Linear(d, v)
        self.generator.weight = self.tgt_emb.weight

    def forward(self, src, tgt):
        mask = self.transformer.generate_square_subsequent_mask(tgt.size(1))
        out = self.transformer(self.pos(self.src_emb(src)), self.pos(self.tgt_emb(tgt)), tgt_mask=mask)
        return self.generator(out)


class CausalSelfAttention(nn.Module):
    def __init__(self, d, heads, longest):
        super().__init__()
        self.n_head, self.n_embd = heads, d
        self.c_attn = nn.Linear(d, 3 * d)
        self.c_proj = nn.Linear(d, d)
        self.attn_dropout = nn.Dropout(0.0)
        self.register_buffer("bias", torch.tril(torch.ones(longest, longest)).view(1, 1, longest, longest),
                             persistent=False)

    def forward(self, x):
        B, T, C = x.size()
        q, k, v = self.c_attn(x).split(self.n_embd, dim=2)
        k = k.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)
        q = q.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)
        v = v.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)
        att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
        att = att.masked_fill(self.bias[:, :, :T, :T] == 0, float("-inf"))
        att = self.attn_dropout(F.softmax(att, dim=-1))
        y = (att @ v).transpose(1, 2).contiguous().view(B, T, C)
        return self.c_proj(y)


class Block(nn.Module):
    def __init__(self, d, heads, longest):
        super().__init__()
        self.ln_1 = nn.LayerNorm(d)
        self.attn = CausalSelfAttention(d, heads, longest)
        self.ln_2 = nn.LayerNorm(d)
        self.mlp = nn.ModuleDict(dict(c_fc=nn.Linear(d, 4 * d), c_proj=nn.Linear(4 * d, d), act=nn.GELU("tanh")))
        m = self.mlp
        self.mlpf = lambda x: m.c_proj(m.act(m.c_fc(x)))

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlpf(self.ln_2(x))


@tokens(9)
class GPT(nn.Module):
    """With tied weights, an optional argument, and an error for sequences that are too long."""

    def __init__(self, v=13, d=8, longest=12):
        super().__init__()
        self.block_size = longest
        self.transformer = nn.ModuleDict(dict(
            wte=nn.Embedding(v, d), wpe=nn.Embedding(longest, d), drop=nn.Dropout(0.0),
            h=nn.ModuleList([Block(d, 2, longest) for _ in range(2)]), ln_f=nn.LayerNorm(d),
        ))
        self.lm_head = nn.Linear(d, v, bias=False)
        self.transformer.wte.weight = self.lm_head.weight

    def forward(self, idx, targets=None):
        device = idx.device
        _, t = idx.size()
        assert t <= self.block_size, f"Cannot forward sequence of length {t}, block size is only {self.block_size}"
        pos = torch.arange(0, t, dtype=torch.long, device=device).unsqueeze(0)
        x = self.transformer.drop(self.transformer.wte(idx) + self.transformer.wpe(pos))
        for block in self.transformer.h:
            x = block(x)
        logits = self.lm_head(self.transformer.ln_f(x))
        loss = None
        if targets is not None:
            loss = F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=-1)
        return logits if loss is None else (logits, loss)


class Attention(nn.Module):
    def __init__(self, dim, num_heads=2, qkv_bias=True):
        super().__init__()
        self.num_heads, self.scale = num_heads, (dim // num_heads) ** -0.5
        self.qkv = nn.Linear(dim, dim * 3, bias=qkv_bias)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        B, N, C = x.shape
        qkv = self.qkv(x).reshape(B, N, 3, self.num_heads, C // self.num_heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        x = F.scaled_dot_product_attention(q, k, v, dropout_p=0.0)
        return self.proj(x.transpose(1, 2).reshape(B, N, C))


class ViTBlock(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(d, eps=1e-6), nn.LayerNorm(d, eps=1e-6)
        self.attn = Attention(d)
        self.mlp = nn.Sequential(nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d))
        self.gamma = nn.Parameter(0.1 * torch.ones(d))

    def forward(self, x):
        x = x + self.gamma * self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


@entry((3, 16, 16))
class ViT(nn.Module):
    def __init__(self, d=8):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, d, 4, stride=4)
        self.cls_token = nn.Parameter(torch.randn(1, 1, d))
        self.pos_embed = nn.Parameter(torch.randn(1, 17, d) * 0.02)
        self.blocks = nn.Sequential(*[ViTBlock(d) for _ in range(2)])
        self.norm = nn.LayerNorm(d)
        self.head = nn.Linear(d, 4)

    def forward(self, x):
        B = x.shape[0]
        x = self.patch_embed(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls_token.expand(B, -1, -1), x), dim=1) + self.pos_embed
        return self.head(self.norm(self.blocks(x))[:, 0])


@entry((1, 16, 16))
class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 8, 3, 2, 1), nn.ELU())
        self.decoder = nn.Sequential(nn.ConvTranspose2d(8, 4, 3, 2, 1, output_padding=1), nn.SELU(),
                                     nn.ConvTranspose2d(4, 1, 4, 2, 1), nn.Sigmoid())

    def forward(self, x):
        return self.decoder(self.encoder(x))


@entry((6,), (3,))
class VAE(nn.Module):
    """The noise is an input."""

    def __init__(self):
        super().__init__()
        self.fc1, self.fc21, self.fc22 = nn.Linear(6, 10), nn.Linear(10, 3), nn.Linear(10, 3)
        self.fc3, self.fc4 = nn.Linear(3, 10), nn.Linear(10, 6)

    def encode(self, x):
        h = F.relu(self.fc1(x))
        return self.fc21(h), self.fc22(h)

    def reparameterize(self, mu, logvar, eps):
        return mu + eps * torch.exp(0.5 * logvar)

    def decode(self, z):
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x, eps):
        mu, logvar = self.encode(x.view(-1, 6))
        recon = self.decode(self.reparameterize(mu, logvar, eps))
        return {"recon": recon, "mu": mu, "logvar": logvar}


@entry((5,))
class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(5, 8, 4, 1, 0, bias=False), nn.BatchNorm2d(8), nn.ReLU(True),
            nn.ConvTranspose2d(8, 4, 4, 2, 1, bias=False), nn.BatchNorm2d(4), nn.PReLU(4),
            nn.ConvTranspose2d(4, 1, 4, 2, 1, bias=False), nn.Tanh())

    def forward(self, z):
        return self.main(z[..., None, None])


@entry((1, 16, 16))
class Discriminator(nn.Module):
    """Spectral norm of both kinds."""

    def __init__(self):
        super().__init__()
        sn = nn.utils.parametrizations.spectral_norm
        self.net = nn.Sequential(sn(nn.Conv2d(1, 4, 4, 2, 1)), nn.LeakyReLU(0.2), sn(nn.Conv2d(4, 8, 4, 2, 1)),
                                 nn.LeakyReLU(0.2), nn.Flatten(), nn.utils.spectral_norm(nn.Linear(128, 1)))

    def forward(self, x):
        return self.net(x).view(-1)


class Chomp1d(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, x):
        return x[:, :, : -self.size].contiguous()


class TemporalBlock(nn.Module):
    def __init__(self, i, o, kernel, dilation):
        super().__init__()
        wn = nn.utils.parametrizations.weight_norm
        pad = (kernel - 1) * dilation
        self.conv1 = wn(nn.Conv1d(i, o, kernel, padding=pad, dilation=dilation))
        self.conv2 = wn(nn.Conv1d(o, o, kernel, padding=pad, dilation=dilation))
        self.net = nn.Sequential(self.conv1, Chomp1d(pad), nn.ReLU(), self.conv2, Chomp1d(pad), nn.ReLU())
        self.downsample = nn.Conv1d(i, o, 1) if i != o else None
        self.relu = nn.ReLU()

    def forward(self, x):
        out = self.net(x)
        res = x if self.downsample is None else self.downsample(x)
        return self.relu(out + res)


@entry((2, 20))
class TCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.network = nn.Sequential(*[TemporalBlock(2 if i == 0 else 4, 4, 3, 2**i) for i in range(3)])
        self.linear = nn.Linear(4, 2)

    def forward(self, x):
        return self.linear(self.network(x)[:, :, -1])


@entry((8,), (8,))
class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 6), nn.Softplus(), nn.Linear(6, 4))

    def forward(self, a, b):
        a, b = self.net(a), self.net(b)
        return F.cosine_similarity(a, b), F.pairwise_distance(a, b), F.normalize(a, p=2, dim=1)


@tokens(5)
class BagOfWords(nn.Module):
    """DeepSets over embeddings, and an EmbeddingBag."""

    def __init__(self):
        super().__init__()
        self.phi = nn.Sequential(nn.Embedding(13, 6), nn.Linear(6, 8), nn.Mish())
        self.bag = nn.EmbeddingBag(13, 8, mode="mean")
        self.rho = nn.Linear(8, 2)

    def forward(self, ids):
        return self.rho(self.phi(ids).sum(1) + self.bag(ids))


class ConvLSTMCell(nn.Module):
    def __init__(self, i, h):
        super().__init__()
        self.hidden = h
        self.conv = nn.Conv2d(i + h, 4 * h, 3, padding=1)

    def forward(self, x, state):
        h, c = state
        i, f, o, g = torch.chunk(self.conv(torch.cat([x, h], dim=1)), 4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


@entry((3, 2, 6, 6))
class ConvLSTM(nn.Module):
    """The state begins as zeros of the batch's size."""

    def __init__(self):
        super().__init__()
        self.cell = ConvLSTMCell(2, 3)

    def forward(self, x):
        b, _, _, height, width = x.shape
        state = (torch.zeros(b, 3, height, width), torch.zeros(b, 3, height, width, dtype=x.dtype))
        for t in range(3):
            state = self.cell(x[:, t], state)
        return state[0]


class MixerBlock(nn.Module):
    def __init__(self, d, n):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.tokens = nn.Sequential(nn.Linear(n, 6), nn.GELU(), nn.Linear(6, n))
        self.channels = nn.Sequential(nn.Linear(d, 6), nn.GELU(), nn.Linear(6, d))

    def forward(self, x):
        x = x + self.tokens(self.norm1(x).permute(0, 2, 1)).permute(0, 2, 1)
        return x + self.channels(self.norm2(x))


@entry((3, 12, 12))
class MLPMixer(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch = nn.Unfold(4, stride=4)
        self.proj = nn.Linear(48, 5)
        self.blocks = nn.ModuleList(MixerBlock(5, 9) for _ in range(2))

    def forward(self, x):
        x = self.proj(self.patch(x).mT)
        for block in self.blocks:
            x = block(x)
        return x.mean(dim=1)


@entry((6,))
class MixtureOfExperts(nn.Module):
    def __init__(self):
        super().__init__()
        self.experts = nn.ModuleList([nn.Linear(6, 4) for _ in range(3)])
        self.gate = nn.Linear(6, 3)

    def forward(self, x):
        weights, index = torch.topk(self.gate(x), 2, dim=-1)
        gates = torch.zeros_like(self.gate(x)).scatter(-1, index, weights.softmax(dim=-1))
        outs = torch.stack([e(x) for e in self.experts], dim=1)
        return torch.einsum("be,bed->bd", gates, outs)


class GatedBlock(nn.Module):
    def __init__(self, c, dilation):
        super().__init__()
        self.dilation = dilation
        self.filter, self.gate = (nn.Conv1d(c, c, 2, dilation=dilation) for _ in range(2))
        self.res, self.skip = nn.Conv1d(c, c, 1), nn.Conv1d(c, c, 1)

    def forward(self, x):
        y = F.pad(x, (self.dilation, 0))
        z = torch.tanh(self.filter(y)) * torch.sigmoid(self.gate(y))
        return x + self.res(z), self.skip(z)


@entry((1, 16))
class WaveNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.start = nn.Conv1d(1, 4, 1)
        self.blocks = nn.ModuleList([GatedBlock(4, d) for d in (1, 2, 4)])
        self.end = nn.Conv1d(4, 3, 1)

    def forward(self, x):
        x = self.start(x)
        total = 0
        for block in self.blocks:
            x, skip = block(x)
            total = total + skip
        return self.end(F.glu(torch.cat([total, x], 1), dim=1))


class RMSNorm(nn.Module):
    def __init__(self, d, eps=1e-6):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d))

    def _norm(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)

    def forward(self, x):
        return self._norm(x.float()).type_as(x) * self.weight


def rotate_half(x):
    x1, x2 = x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2:]
    return torch.cat((-x2, x1), dim=-1)


class RotaryAttention(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads, self.hd = heads, d // heads
        self.wq, self.wk, self.wv, self.wo = (nn.Linear(d, d, bias=False) for _ in range(4))
        inv = 1.0 / (10000 ** (torch.arange(0, self.hd, 2).float() / self.hd))
        self.register_buffer("inv_freq", inv, persistent=False)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = (w(x).view(b, t, self.heads, self.hd).transpose(1, 2) for w in (self.wq, self.wk, self.wv))
        freqs = torch.outer(torch.arange(t, dtype=self.inv_freq.dtype), self.inv_freq)
        emb = torch.cat((freqs, freqs), dim=-1)
        cos, sin = emb.cos()[None, None], emb.sin()[None, None]
        q, k = q * cos + rotate_half(q) * sin, k * cos + rotate_half(k) * sin
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.wo(y.transpose(1, 2).reshape(b, t, d))


@tokens(6)
class Llama(nn.Module):
    def __init__(self, v=13, d=8):
        super().__init__()
        self.tok = nn.Embedding(v, d)
        self.norm1, self.norm2 = RMSNorm(d), RMSNorm(d)
        self.attn = RotaryAttention(d, 2)
        self.w1, self.w2, self.w3 = nn.Linear(d, 12, False), nn.Linear(12, d, False), nn.Linear(d, 12, False)

    def forward(self, ids):
        x = self.tok(ids)
        x = x + self.attn(self.norm1(x))
        h = self.norm2(x)
        x = x + self.w2(F.silu(self.w1(h)) * self.w3(h))
        return x @ self.tok.weight.t()


class QuantizeSTE(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, levels):
        ctx.save_for_backward(x)
        return torch.round(x * levels) / levels

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * (x.abs() <= 1).to(grad.dtype), None


@entry((5,))
class Straightthrough(nn.Module):
    """A gradient of its own, a block without gradients, and a running mean kept by hand."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(5, 4)
        self.register_buffer("mean", torch.zeros(4))
        self.register_buffer("steps", torch.tensor(0))

    def forward(self, x):
        h = self.fc(x)
        if self.training:
            with torch.no_grad():
                self.mean.mul_(0.9).add_(0.1 * h.mean(0))
                self.steps += 1
        return QuantizeSTE.apply(h - self.mean, 16)
