"""Pictures: residual and U-shaped networks, frozen backbones, style, twins, distillation, attacks, transforms."""

import copy

import torch
import torch.nn as nn
import torch.nn.functional as F
from compat.tutorial_inputs import fill, numbers
from torch import optim
from torch.optim import lr_scheduler


def images(seed, *shape):
    return torch.from_numpy(numbers(seed, *shape))


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, inplanes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = None
        if stride != 1 or inplanes != planes:
            self.downsample = nn.Sequential(nn.Conv2d(inplanes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))

    def forward(self, x):
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self, classes=4):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.layer1, self.layer2 = self._layer(8, 8, 1), self._layer(8, 16, 2)
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d((1, 1)), nn.Linear(16, classes)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
                nn.init.constant_(m.weight, 1)
                nn.init.constant_(m.bias, 0)

    def _layer(self, inplanes, planes, stride):
        return nn.Sequential(BasicBlock(inplanes, planes, stride), BasicBlock(planes, planes))

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        return self.fc(torch.flatten(self.avgpool(self.layer2(self.layer1(x))), 1))


def resnet():
    model = fill(ResNet(), 1, 1.5)
    x, y = images(2, 6, 3, 12, 12), torch.arange(6) % 4
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=True)
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, T_max=6)
    criterion, losses = nn.CrossEntropyLoss(label_smoothing=0.1), []
    for _ in range(6):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    model.eval()
    with torch.inference_mode():
        scores = model(x)
    names = [name for name, _ in model.named_modules() if name.endswith("downsample")]
    return dict(
        falls=losses,
        losses=losses[:4],
        shape=scores.shape,
        names=names,
        text=str(model.layer2[0]),
        count=sum(p.numel() for p in model.parameters()),
        tracked=model.bn1.num_batches_tracked,
    )


class DoubleConv(nn.Sequential):
    def __init__(self, a, b):
        super().__init__(
            nn.Conv2d(a, b, 3, padding=1),
            nn.GroupNorm(2, b),
            nn.ReLU(inplace=True),
            nn.Conv2d(b, b, 3, padding=1),
            nn.ReLU(inplace=True),
        )


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.inc, self.down = DoubleConv(1, 4), nn.Sequential(nn.MaxPool2d(2), DoubleConv(4, 8))
        self.up, self.conv = nn.ConvTranspose2d(8, 4, 2, stride=2), DoubleConv(8, 4)
        self.smooth, self.outc = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), nn.Conv2d(4, 2, 1)

    def forward(self, x):
        x1 = self.inc(x)
        x2 = self.up(self.down(x1))
        dy, dx = x1.size(2) - x2.size(2), x1.size(3) - x2.size(3)
        x2 = F.pad(x2, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])
        return self.outc(self.conv(torch.cat([x2, x1], dim=1)))


def dice_loss(scores, target, eps=1e-6):
    probs = F.softmax(scores, 1)
    hot = F.one_hot(target, 2).permute(0, 3, 1, 2).float()
    inter = (probs * hot).sum(dim=(2, 3))
    return 1 - ((2 * inter + eps) / (probs.sum(dim=(2, 3)) + hot.sum(dim=(2, 3)) + eps)).mean()


def unet():
    model = fill(UNet(), 3, 1.5)
    x = images(4, 2, 1, 9, 10)
    target = (x[:, 0] > 0.3).long()
    optimizer, losses = optim.RMSprop(model.parameters(), lr=1e-3, alpha=0.9, momentum=0.5, foreach=True), []
    weight = torch.tensor([1.0, 2.0])
    for _ in range(5):
        out = model(x)
        loss = nn.CrossEntropyLoss(weight=weight)(out, target) + dice_loss(out, target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return dict(falls=losses, losses=losses, big=model.smooth(out), mask=out.argmax(dim=1)[0, 0])


def transfer():
    backbone = fill(ResNet(), 5, 1.0)
    for param in backbone.parameters():
        param.requires_grad = False
    backbone.fc = fill(nn.Linear(backbone.fc.in_features, 2), 6)
    backbone.eval()
    before = copy.deepcopy(backbone.state_dict())
    trainable = [n for n, p in backbone.named_parameters() if p.requires_grad]
    optimizer = optim.Adam(filter(lambda p: p.requires_grad, backbone.parameters()), lr=1e-2)
    x, y = images(7, 4, 3, 8, 8), torch.tensor([0, 1, 0, 1])
    features = {}
    handle = backbone.avgpool.register_forward_hook(lambda m, i, o: features.update(pool=o.detach()))
    for _ in range(4):
        loss = F.cross_entropy(backbone(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    handle.remove()
    changed = [k for k, v in backbone.state_dict().items() if not torch.equal(v, before[k])]
    missing = backbone.load_state_dict({k: v for k, v in before.items() if not k.startswith("fc")}, strict=False)
    groups = optim.SGD(
        [{"params": backbone.layer2.parameters(), "lr": 1e-4}, {"params": backbone.fc.parameters()}], lr=1e-2
    )
    return dict(
        trainable=trainable,
        changed=changed,
        loss=loss,
        features=features["pool"],
        missing=list(missing.missing_keys),
        lrs=[g["lr"] for g in groups.param_groups],
        text=repr(missing),
    )


def gram_matrix(x):
    a, b, c, d = x.size()
    features = x.view(a * b, c * d)
    return torch.mm(features, features.t()).div(a * b * c * d)


def style():
    net = fill(
        nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(4, 6, 3, padding=1)), 8
    )
    net.requires_grad_(False).eval()
    content, style = images(9, 1, 3, 8, 8), images(10, 1, 3, 8, 8)
    wanted = gram_matrix(net(style))
    picture = content.clone().requires_grad_(True)
    optimizer, run = optim.LBFGS([picture], max_iter=5, line_search_fn="strong_wolfe"), []
    for _ in range(3):

        def closure():
            with torch.no_grad():
                picture.clamp_(-3, 3)
            optimizer.zero_grad()
            seen = net(picture)
            loss = 1000 * F.mse_loss(gram_matrix(seen), wanted) + F.mse_loss(seen, net(content))
            loss.backward()
            run.append(loss.item())
            return loss

        optimizer.step(closure)
    return dict(falls=run, first=run[:4], count=len(run) > 5)


def twins():
    net = fill(nn.Sequential(nn.Linear(6, 12), nn.PReLU(), nn.Linear(12, 4)), 11)
    anchor, positive, negative = (images(s, 5, 6) for s in (12, 13, 14))
    optimizer, values = optim.NAdam(net.parameters(), lr=1e-2), []
    label = torch.tensor([0.0, 1.0, 0.0, 1.0, 1.0])
    for _ in range(8):
        a, p, n = net(anchor), net(positive), net(negative)
        triplet = nn.TripletMarginLoss(margin=1.0, p=2)(a, p, n)
        d = F.pairwise_distance(a, p, keepdim=True).squeeze()
        contrastive = torch.mean((1 - label) * d.pow(2) + label * torch.clamp(1.5 - d, min=0.0).pow(2))
        cosine = F.cosine_embedding_loss(a, n, 2 * label - 1)
        z = F.normalize(torch.cat([a, p]), dim=1)
        similar = (z @ z.T / 0.5).masked_fill(torch.eye(10, dtype=torch.bool), float("-inf"))
        info_nce = F.cross_entropy(similar, torch.arange(10).roll(5))
        loss = triplet + contrastive + cosine + info_nce
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    return dict(falls=values, values=values, ranking=F.margin_ranking_loss(d, d.flip(0), torch.ones(5), margin=0.2))


def distillation():
    teacher = fill(nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 3)), 15, 2.0).eval()
    student = fill(nn.Linear(5, 3), 16)
    x, y, T = images(17, 12, 5), torch.arange(12) % 3, 2.0
    optimizer, losses = optim.Adamax(student.parameters(), lr=2e-2), []
    for _ in range(12):
        with torch.no_grad():
            soft = F.softmax(teacher(x) / T, dim=-1)
        logits = student(x)
        log_soft = nn.functional.log_softmax(logits / T, dim=-1)
        by_hand = torch.sum(soft * (soft.log() - log_soft)) / log_soft.size()[0] * (T**2)
        loss = F.kl_div(log_soft, soft, reduction="batchmean") * T**2
        assert torch.allclose(loss, by_hand, atol=1e-5)
        loss = 0.75 * loss + 0.25 * F.cross_entropy(logits, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return dict(falls=losses, losses=losses)


def attack():
    model = fill(nn.Sequential(nn.Flatten(), nn.Linear(16, 3)), 18, 2.0).eval()
    data, target = torch.sigmoid(images(19, 4, 1, 4, 4)), torch.tensor([0, 1, 2, 0])
    data.requires_grad = True
    loss = F.nll_loss(F.log_softmax(model(data), 1), target)
    model.zero_grad()
    loss.backward()
    sign = data.grad.data.sign()
    perturbed = torch.clamp(data + 0.1 * sign, 0, 1)
    saliency, _ = torch.max(data.grad.data.abs(), dim=1)
    return dict(sign=sign, perturbed=perturbed, saliency=saliency, after=F.cross_entropy(model(perturbed), target))


def spatial_transformer():
    x = images(20, 2, 1, 6, 6)
    theta = fill(nn.Linear(36, 6), 21)
    theta.weight.data.zero_()
    theta.bias.data.copy_(torch.tensor([1, 0, 0.2, 0, 0.9, 0], dtype=torch.float))
    grid = F.affine_grid(theta(x.flatten(1)).view(-1, 2, 3), x.size(), align_corners=False)
    out = F.grid_sample(x, grid, align_corners=False)
    out.pow(2).sum().backward()
    patches = F.unfold(x, kernel_size=3, stride=3).transpose(1, 2)
    whole = F.fold(patches.transpose(1, 2), (6, 6), 3, stride=3)
    super_resolution = F.pixel_shuffle(images(22, 1, 4, 3, 3), 2)
    small = F.interpolate(x, size=(4, 5), mode="bicubic", align_corners=False)
    return dict(
        out=out,
        grad=theta.bias.grad,
        patches=patches,
        whole=whole,
        big=super_resolution,
        small=small,
        crops=x.unfold(2, 4, 2).unfold(3, 4, 2),
    )


def vision_transformer():
    width, x = 8, images(23, 2, 3, 8, 8)
    patch = fill(nn.Conv2d(3, width, kernel_size=4, stride=4), 24)
    layer = nn.TransformerEncoderLayer(width, 2, 16, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
    encoder, head = fill(nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), 25), fill(nn.Linear(width, 3), 26)
    cls_token, pos = (
        nn.Parameter(torch.zeros(1, 1, width)),
        nn.Parameter(torch.from_numpy(numbers(27, 1, 5, width)) * 0.02),
    )
    tokens = patch(x).flatten(2).transpose(1, 2)
    tokens = torch.cat([cls_token.expand(x.shape[0], -1, -1), tokens], dim=1) + pos
    scores = head(encoder(tokens)[:, 0])
    F.cross_entropy(scores, torch.tensor([0, 2])).backward()
    return dict(scores=scores, pos=pos.grad, cls_token=cls_token.grad, patch=patch.weight.grad)
