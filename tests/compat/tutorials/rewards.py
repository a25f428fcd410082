"""Learning from rewards: Q-learning with replay and target network, policy gradients, actor and critic, PPO."""

import random
from collections import deque, namedtuple
from itertools import count

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from compat.tutorial_inputs import fill, numbers
from torch.distributions import Categorical, Normal

Transition = namedtuple("Transition", ("state", "action", "next_state", "reward"))


class Corridor:
    """Five places in a row; the right end pays 1, every step costs a little."""

    def reset(self):
        self.at = 2
        return self.seen()

    def seen(self):
        return np.eye(5, dtype=np.float32)[self.at]

    def step(self, action):
        self.at = min(4, max(0, self.at + (1 if action else -1)))
        return self.seen(), (1.0 if self.at == 4 else -0.1), self.at in (0, 4)


class ReplayMemory:
    def __init__(self, capacity):
        self.memory = deque(maxlen=capacity)

    def push(self, *args):
        self.memory.append(Transition(*args))

    def sample(self, batch_size):
        return random.sample(self.memory, batch_size)

    def __len__(self):
        return len(self.memory)


class DQN(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1, self.layer2 = nn.Linear(5, 16), nn.Linear(16, 2)

    def forward(self, x):
        return self.layer2(F.relu(self.layer1(x)))


def dqn():
    random.seed(1)
    policy_net, target_net = fill(DQN(), 1), DQN()
    target_net.load_state_dict(policy_net.state_dict())
    optimizer, memory, env = optim.AdamW(policy_net.parameters(), lr=1e-2, amsgrad=True), ReplayMemory(200), Corridor()
    losses = []
    for episode in range(8):
        state = torch.tensor(env.reset(), dtype=torch.float32).unsqueeze(0)
        for t in count():
            if random.random() > 0.5:
                with torch.no_grad():
                    action = policy_net(state).max(1).indices.view(1, 1)
            else:
                action = torch.tensor([[random.randrange(2)]], dtype=torch.long)
            seen, reward, done = env.step(action.item())
            reward = torch.tensor([reward])
            next_state = None if done else torch.tensor(seen, dtype=torch.float32).unsqueeze(0)
            memory.push(state, action, next_state, reward)
            state = next_state
            if len(memory) >= 16:
                batch = Transition(*zip(*memory.sample(16)))
                mask = torch.tensor(tuple(map(lambda s: s is not None, batch.next_state)), dtype=torch.bool)
                non_final = torch.cat([s for s in batch.next_state if s is not None])
                q = policy_net(torch.cat(batch.state)).gather(1, torch.cat(batch.action))
                next_values = torch.zeros(16)
                with torch.no_grad():
                    next_values[mask] = target_net(non_final).max(1).values
                loss = nn.SmoothL1Loss()(q, (next_values * 0.9 + torch.cat(batch.reward)).unsqueeze(1))
                optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_value_(policy_net.parameters(), 100)
                optimizer.step()
                losses.append(loss.item())
            state_dict, other = target_net.state_dict(), policy_net.state_dict()
            for key in other:
                state_dict[key] = other[key] * 0.05 + state_dict[key] * 0.95
            target_net.load_state_dict(state_dict)
            if done or t > 12:
                break
    return dict(losses=losses, q=policy_net(torch.eye(5)), target=target_net.layer1.bias)


def returns(rewards, gamma=0.9):
    R, found = 0.0, deque()
    for r in rewards[::-1]:
        R = r + gamma * R
        found.appendleft(R)
    found = torch.tensor(found)
    return (found - found.mean()) / (found.std() + np.finfo(np.float32).eps.item())


def reinforce():
    torch.manual_seed(2)
    policy = fill(nn.Sequential(nn.Linear(5, 16), nn.Dropout(p=0.0), nn.ReLU(), nn.Linear(16, 2), nn.Softmax(dim=1)), 2)
    optimizer, env, lengths = optim.Adam(policy.parameters(), lr=3e-2), Corridor(), []
    for episode in range(80):
        state, saved, rewards = env.reset(), [], []
        for t in range(20):
            m = Categorical(policy(torch.from_numpy(state).float().unsqueeze(0)))
            action = m.sample()
            saved.append(m.log_prob(action))
            state, reward, done = env.step(action.item())
            rewards.append(reward)
            if done:
                break
        if len(rewards) > 1:
            loss = torch.cat([-log_prob * R for log_prob, R in zip(saved, returns(rewards))]).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        lengths.append(-sum(rewards))
    m = Categorical(torch.tensor([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]]))
    return dict(
        falls_costs=lengths,
        entropy=m.entropy(),
        log=m.log_prob(torch.tensor([2, 0])),
        probs=m.probs,
        logits=m.logits,
        like=m.sample((4,)),
        enumerated=m.enumerate_support(),
    )


def actor_critic():
    affine, action_head, value_head = nn.Linear(5, 16), nn.Linear(16, 2), nn.Linear(16, 1)
    model = fill(nn.ModuleList([affine, action_head, value_head]), 3)
    optimizer, env = optim.Adam(model.parameters(), lr=3e-2), Corridor()
    env.reset()
    values = []
    for episode in range(12):
        states, actions, rewards = [env.reset()], [], []
        for t, action in enumerate([(episode + k) % 3 != 0 for k in range(8)]):
            seen, reward, done = env.step(action)
            actions.append(int(action))
            rewards.append(reward)
            if done:
                break
            states.append(seen)
        h = F.relu(affine(torch.from_numpy(np.stack(states))))
        dist, value = Categorical(logits=action_head(h)), value_head(h).squeeze(-1)
        target = returns(rewards)
        advantage = target - value.detach()
        loss = (-dist.log_prob(torch.tensor(actions)) * advantage).sum() + F.smooth_l1_loss(
            value, target, reduction="sum"
        )
        loss = loss - 0.01 * dist.entropy().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    return dict(values=values, value=value)


def ppo():
    actor, critic = fill(nn.Linear(3, 2), 4), fill(nn.Linear(3, 1), 5)
    log_std = nn.Parameter(torch.zeros(2))
    obs, act = torch.from_numpy(numbers(80, 12, 3)), torch.from_numpy(numbers(81, 12, 2))
    reward = obs[:, 0] - act.pow(2).sum(-1)
    with torch.no_grad():
        old = Normal(actor(obs), log_std.exp()).log_prob(act).sum(-1)
        value, advantage, last = critic(obs).squeeze(-1), torch.zeros(12), 0.0
        for t in reversed(range(12)):
            following = value[t + 1] if t < 11 else 0.0
            last = advantage[t] = reward[t] + 0.99 * following - value[t] + 0.95 * 0.99 * last
        target = advantage + value
    optimizer, losses = optim.Adam([*actor.parameters(), *critic.parameters(), log_std], lr=1e-2, eps=1e-5), []
    for _ in range(10):
        dist = Normal(actor(obs), log_std.exp())
        ratio = (dist.log_prob(act).sum(-1) - old).exp()
        scaled = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        clipped = torch.clamp(ratio, 1 - 0.2, 1 + 0.2) * scaled
        loss = -torch.min(ratio * scaled, clipped).mean() + 0.5 * F.mse_loss(critic(obs).squeeze(-1), target)
        loss = loss - 0.01 * dist.entropy().sum(-1).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(actor.parameters(), 0.5)
        optimizer.step()
        losses.append(loss.item())
    return dict(
        falls=losses,
        losses=losses,
        log_std=log_std,
        kl=torch.distributions.kl_divergence(dist, dist).abs().max().item(),
        like=dist.rsample(),
        cdf=dist.cdf(act),
        icdf=dist.icdf(torch.full((2,), 0.3)),
    )
